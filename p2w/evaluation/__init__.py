"""Every source answers the same rows: likelihoods, answers, scores, comparisons."""
