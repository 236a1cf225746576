"""The demo's terminal: a story that scrolls, and below it a table that is drawn over and over in place.

Where the output is no terminal, the table shrinks to a plain line every few seconds.
"""

import re
import shutil
import sys
import time

BAR = 16            # Characters of a bar of evidence.
PLAIN_EVERY = 5.0   # Seconds between plain lines.

BOLD, DIM, RED, GREEN, RESET = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m"


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds else "-"


def percent(fraction, digits=1):
    return f"{fraction * 100:.{digits}f} %"


def accuracy_of(variant, metric="accuracy"):
    outcome = variant.outcomes.get(metric)
    if outcome is None or outcome.interval is None:
        return f"- ({outcome.count if outcome else 0} outcomes)"
    lower, upper = outcome.interval
    return f"{percent(outcome.mean)} [{lower * 100:.1f}, {upper * 100:.1f}]"


def errors_of(variant):
    return f"{variant.run_errors} ({percent(variant.run_errors / variant.started)})" if variant.started else "0"


def bar(evidence, threshold):
    """How far the evidence has come towards its threshold; evidence against a breach is none."""
    if threshold <= 0:
        return " " * BAR
    filled = round(BAR * min(1.0, max(0.0, evidence / threshold)))
    return "#" * filled + "." * (BAR - filled)


def table(experiment, seconds):
    """The whole state as lines."""
    shut = experiment.phase != "RUNNING"
    state = f"{RED if shut else GREEN}{experiment.phase}{RESET}"
    lines = [f"{BOLD}{experiment.name}{RESET}  {state}  run {experiment.run}, epoch {experiment.epoch}  "
             f"{DIM}{seconds:5.1f} s{RESET}",
             f"{'variant':<17}{'share':>8}{'calls':>10}{'p50':>10}{'p95':>10}{'p99':>10}{'errors':>14}  accuracy (95 %)"]
    for v in experiment.variants:
        lines.append(f"{v.name:<17}{percent(v.share):>8}{v.started:>10,}{milliseconds(v.p50):>10}{milliseconds(v.p95):>10}"
                     f"{milliseconds(v.p99):>10}{errors_of(v):>14}  {accuracy_of(v)}")
    for m in experiment.mirrors:
        lines.append(f"{m['name']:<17}{'mirror':>8}{int(m.get('requests', 0)):>10,}{'':>30}{int(m.get('errors', 0)):>14}"
                     f"  {int(m.get('dropped', 0))} copies dropped")
    lines.append(f"{'guardrail':<17}{'log10 evidence':<{BAR + 2}}{'of threshold':>16}  rule")
    for g in experiment.guardrails:
        colour = RED if g.breached else ""
        note = f" ({g.note})" if g.note else ""
        figures = f"{g.evidence:.2f} of {g.threshold:.2f}"
        lines.append(f"{g.name:<17}[{colour}{bar(g.evidence, g.threshold)}{RESET}]{figures:>16}  {DIM}{g.rule}{note}{RESET}")
    return lines


def plain_line(experiment, seconds):
    """The same in one line without colours."""
    parts = [f"{seconds:6.1f} s {experiment.phase.lower()}"]
    for v in experiment.variants:
        parts.append(f"{v.name} {percent(v.share, 0)} {v.started} calls p50 {milliseconds(v.p50)} p95 {milliseconds(v.p95)} "
                     f"p99 {milliseconds(v.p99)} errors {errors_of(v)} accuracy {accuracy_of(v)}")
    parts.append("evidence " + " ".join(f"{g.name} {g.evidence:.1f}/{g.threshold:.1f}" for g in experiment.guardrails))
    return " | ".join(parts)


def cut(line, width):
    """At most `width` visible characters; colours count for none."""
    out, visible = [], 0
    for part in re.split(r"(\033\[\d+m)", line):
        if part.startswith("\033["):
            out.append(part)
            continue
        out.append(part[:max(0, width - visible)])
        visible += len(part)
    return "".join(out)


class Screen:
    def __init__(self, out=sys.stdout):
        self._out = out
        self._is_terminal = out.isatty()
        self._started = time.monotonic()
        self._drawn = 0       # Lines of the table that stands below.
        self._last_plain = 0.0
        self._table = []

    def seconds(self):
        return time.monotonic() - self._started

    def say(self, text="", bold=False):
        """A line of the story, above the table."""
        self._erase()
        if bold and self._is_terminal:
            text = f"{BOLD}{text}{RESET}"
        self._out.write(text + "\n")
        self._draw()

    def show(self, experiment):
        """The newest state."""
        if self._is_terminal:
            self._table = [""] + table(experiment, self.seconds())
            self._erase()
            self._draw()
        elif self.seconds() - self._last_plain >= PLAIN_EVERY:
            self._last_plain = self.seconds()
            self._out.write("    " + plain_line(experiment, self.seconds()) + "\n")
            self._out.flush()

    def leave_table(self):
        """What stands below stays as it is; the story goes on under it."""
        self._drawn = 0
        self._table = []

    def _erase(self):
        if self._drawn:
            self._out.write(f"\033[{self._drawn}A\033[J")
            self._drawn = 0

    def _draw(self):
        width = shutil.get_terminal_size().columns
        for line in self._table:
            self._out.write(cut(line, width) + "\n")
        self._drawn = len(self._table)
        self._out.flush()
