"""The least that any method would need to prove a breach: Wald's bound, log(1/alpha) / KL.

A test that errs with probability at most alpha when a guardrail holds needs, on average, at least log(1/alpha) / KL(p || q)
observations to prove that it does not, where each is worth KL(p || q) nats: p is how they are distributed, q the closest that the
guardrail allows. (A. Wald, Sequential tests of statistical hypotheses, Annals of Mathematical Statistics 16, 1945.)
"""

import math


def kl(p, q):
    """Kullback-Leibler divergence of Bernoulli(p) from Bernoulli(q), in nats. 0 < q < 1."""
    nats = 0.0
    if p > 0:
        nats += p * math.log(p / q)
    if p < 1:
        nats += (1 - p) * math.log((1 - p) / (1 - q))
    return nats


def error_ratio(candidate_rate, default_rate, share, max_ratio, log_inverse_alpha):
    """Candidate requests until "candidate errors > max_ratio x the default's" can be proven.

    The test sees errors only, and whose each one is. Each is the candidate's with probability theta_1; at the edge of what is
    allowed it would be theta_r.
    """
    def candidates_part(ratio):
        return share * ratio / (share * ratio + 1 - share)

    theta_1 = (candidates_part(candidate_rate / default_rate) if default_rate > 0 else 1.0)
    errors = log_inverse_alpha / kl(theta_1, candidates_part(max_ratio))
    errors_per_candidate_request = candidate_rate + default_rate * (1 - share) / share
    return errors / errors_per_candidate_request


def rate_ceiling(candidate_rate, max_rate, log_inverse_alpha):
    """Candidate requests until "a share of the candidate's requests > max_rate" can be proven.

    Also of a tail: the share of requests beyond the limit against 1 - quantile, as if the limit were known exactly.
    """
    return log_inverse_alpha / kl(candidate_rate, max_rate)
