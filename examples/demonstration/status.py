"""What `weirctl status --json` says, with the numbers as numbers: a thin reading of weir.v1.Status (proto/weir/v1/admin.proto).

Protobuf's JSON leaves fields out that are at their default, writes 64-bit integers as strings, and names in either of two
styles. All of that ends here.
"""

import datetime
import re


def snake(name):
    return re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name)


def plain(value):
    """The same document with snake_case names."""
    if isinstance(value, dict):
        return {snake(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def seconds_of(duration):
    """0.0125 of "0.012500s"."""
    return float(duration.rstrip("s"))


def time_of(timestamp):
    """Seconds since the Unix epoch of an RFC 3339 timestamp, to the nanosecond that a float can hold."""
    whole, fraction = re.fullmatch(r"(.{19})(\.\d+)?Z", timestamp).groups()
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + float(fraction or 0)


class Variant:
    def __init__(self, document):
        self.name = document["name"]
        self.is_default = document.get("is_default", False)
        self.share = float(document.get("share", 0))
        self.requests = int(document.get("requests", 0))  # Served in this process.
        self.started = int(document.get("started", 0))  # Of this run.
        self.run_errors = int(document.get("run_errors", 0))
        self.p50, self.p95, self.p99 = (seconds_of(document.get(p, "0s")) for p in ("p50", "p95", "p99"))
        self.outcomes = {}
        for outcome in document.get("outcomes", []):
            self.outcomes[outcome["metric"]] = Outcome(outcome)


class Outcome:
    def __init__(self, document):
        self.count = int(document.get("count", 0))
        self.mean = float(document.get("mean", 0))
        self.interval = None
        if "lower" in document and "upper" in document:
            self.interval = (float(document["lower"]), float(document["upper"]))


class Guardrail:
    def __init__(self, document):
        self.name = document["name"]
        self.variant = document.get("variant", "")
        self.rule = document.get("rule", "")
        self.evidence = float(document.get("log10_evidence", 0))
        self.threshold = float(document.get("log10_threshold", 0))
        self.breached = document.get("breached", False)
        self.note = document.get("note", "")


class Breach:
    def __init__(self, document):
        self.guardrail = document["guardrail"]
        self.published_at = time_of(document["published_at"])
        self.candidate_calls = int(document.get("candidate_calls", 0))
        self.candidate_errors = int(document.get("candidate_errors", 0))
        self.evidence = float(document.get("log10_evidence", 0))
        self.threshold = float(document.get("log10_threshold", 0))


class Experiment:
    """One experiment of the status."""

    def __init__(self, document):
        self.name = document["name"]
        self.phase = document.get("phase", "PHASE_UNSPECIFIED")
        self.phase_reason = document.get("phase_reason", "")
        self.run = int(document.get("run", 0))
        self.epoch = int(document.get("epoch", 0))
        self.variants = [Variant(variant) for variant in document.get("variants", [])]
        self.guardrails = [Guardrail(guardrail) for guardrail in document.get("guardrails", [])]
        self.mirrors = document.get("mirrors", [])
        self.breach = Breach(document["breach"]) if document.get("breach") else None

    def variant(self, name):
        return next(variant for variant in self.variants if variant.name == name)

    def is_shut(self):
        return self.phase == "ROLLED_BACK" and all(v.share == 0 for v in self.variants if not v.is_default)


def experiment_of(document, name):
    """The experiment of that name, or None."""
    for experiment in plain(document).get("experiments", []):
        if experiment.get("name") == name:
            return Experiment(experiment)
    return None
