"""The losses, written plainly over PyTorch's own operations, and differentiated by autograd.

    python3 losses.py < cases.json > values.json

A case has a batch (`features` [N][D], `labels` [N], `classWeights` [C][D], `classBias` [C], `centres` [C][D]) and a
`term`, a loss by its name with all its settings. Its answer has the `value` and the `gradients` by those tensors,
in float64.
"""

import json
import math
import sys

import torch
from torch.nn import functional

TENSORS = ("features", "classWeights", "classBias", "centres")


class Batch:
    def __init__(self, case):
        for name in TENSORS:
            setattr(self, name, torch.tensor(case[name], dtype=torch.float64, requires_grad=True))
        self.labels = torch.tensor(case["labels"])
        self.classes = len(case["classWeights"])

    @property
    def unit(self):
        return functional.normalize(self.features)

    @property
    def cosines(self):
        """Of samples in rows and class weights in columns."""
        return functional.linear(self.unit, functional.normalize(self.classWeights))

    @property
    def own(self):
        """Whether a column is the class of a row."""
        return functional.one_hot(self.labels, self.classes).bool()

    @property
    def positives(self):
        same = self.labels[:, None] == self.labels[None, :]
        return same & ~torch.eye(len(self.labels), dtype=torch.bool)

    @property
    def negatives(self):
        return self.labels[:, None] != self.labels[None, :]

    def pair_distances(self, normalised):
        rows = self.unit if normalised else self.features
        return torch.stack([torch.stack([torch.dist(a, b) for b in rows]) for a in rows])


def over_extremes(batch, scope, compare):
    """The mean of a function of the furthest own and the nearest other class weight, over what a scope counts."""
    # In float32 two directions that coincide may have a cosine above 1.
    distances = (2 - 2 * batch.cosines).clamp(min=1e-12).sqrt()
    to_own = distances[batch.own]
    to_other = distances.masked_fill(batch.own, math.inf).min(dim=1).values
    if scope == "sample":
        return compare(to_own, to_other).mean()
    if scope == "batch":
        return compare(to_own.max(), to_other.min())
    classes = [batch.labels == label for label in batch.labels.unique()]
    return torch.stack([compare(to_own[of].max(), to_other[of].min()) for of in classes]).mean()


def soft_margin(batch, scope, sharpness):
    def compare(furthest, nearest):
        return functional.softplus(sharpness * (furthest - nearest)) / sharpness

    return over_extremes(batch, scope, compare)


def circle_based_ratio(batch, scope):
    return over_extremes(batch, scope, lambda furthest, nearest: furthest / (nearest + 0.01))


def normalised_softmax(batch, scale, labelSmoothing):
    return functional.cross_entropy(scale * batch.cosines, batch.labels, label_smoothing=labelSmoothing)


def softmax(batch, labelSmoothing):
    logits = functional.linear(batch.features, batch.classWeights, batch.classBias)
    return functional.cross_entropy(logits, batch.labels, label_smoothing=labelSmoothing)


def cosface(batch, scale, margin):
    return functional.cross_entropy(scale * (batch.cosines - margin * batch.own), batch.labels)


def arcface(batch, scale, margin):
    cosines = batch.cosines
    angles = cosines.acos() + margin
    beyond = cosines - margin * math.sin(margin)
    target = torch.where(angles <= math.pi, angles.cos(), beyond)
    return functional.cross_entropy(scale * torch.where(batch.own, target, cosines), batch.labels)


def center(batch):
    return ((batch.features - batch.centres[batch.labels]) ** 2).sum(dim=1).mean() / 2


def margin_of(difference, margin, sharpness):
    if margin == "soft":
        return functional.softplus(sharpness * difference) / sharpness
    return (margin + difference).relu()


def triplet(batch, margin, sharpness, normalised):
    distances = batch.pair_distances(normalised)
    costs = []
    for row, positive, negative in zip(distances, batch.positives, batch.negatives):
        if positive.any() and negative.any():
            costs.append(margin_of(row[positive].max() - row[negative].min(), margin, sharpness))
    return torch.stack(costs).mean()


def msml(batch, margin, sharpness, normalised):
    distances = batch.pair_distances(normalised)
    difference = distances[batch.positives].max() - distances[batch.negatives].min()
    return margin_of(difference, margin, sharpness)


def circle(batch, level, margin, scale):
    if level == "pairs":
        similarities, positives, negatives = batch.unit @ batch.unit.T, batch.positives, batch.negatives
    else:
        similarities, positives, negatives = batch.cosines, batch.own, ~batch.own
    values = []
    for row, positive, negative in zip(similarities, positives, negatives):
        if positive.any() and negative.any():
            s_p, s_n = row[positive], row[negative]
            alpha_p = (1 + margin - s_p.detach()).relu()
            alpha_n = (s_n.detach() + margin).relu()
            from_positives = torch.exp(-scale * alpha_p * (s_p - (1 - margin))).sum()
            from_negatives = torch.exp(scale * alpha_n * (s_n - margin)).sum()
            values.append(torch.log(1 + from_negatives * from_positives))
    return torch.stack(values).mean()


def proxy_anchor(batch, margin, scale):
    pulls, pushes = [], []
    for proxy in range(batch.classes):
        cosines, own = batch.cosines[:, proxy], batch.labels == proxy
        if own.any():
            pulls.append(torch.log(1 + torch.exp(-scale * (cosines[own] - margin)).sum()))
        pushes.append(torch.log(1 + torch.exp(scale * (cosines[~own] + margin)).sum()))
    return torch.stack(pulls).mean() + torch.stack(pushes).mean()


def multi_similarity(batch, positiveScale, negativeScale, threshold, mining):
    values = []
    for row, positive, negative in zip(batch.unit @ batch.unit.T, batch.positives, batch.negatives):
        s_p, s_n = row[positive], row[negative]
        if mining != "off":
            s_p, s_n = (
                s_p[[bool((s_n > s - mining).any()) for s in s_p]],
                s_n[[bool((s_p < s + mining).any()) for s in s_n]],
            )
        pull = torch.log(1 + torch.exp(-positiveScale * (s_p - threshold)).sum()) / positiveScale
        push = torch.log(1 + torch.exp(negativeScale * (s_n - threshold)).sum()) / negativeScale
        values.append(pull + push)
    return torch.stack(values).mean()


def value_of(term, batch):
    """The value of a term, its weight left aside."""
    settings = {key: value for key, value in term.items() if key not in ("name", "weight")}
    return globals()[term["name"].replace("-", "_")](batch, **settings)


def differentiated(case):
    batch = Batch(case)
    value = value_of(case["term"], batch)
    value.backward()
    gradients = {}
    for name in TENSORS:
        tensor = getattr(batch, name)
        gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        gradients[name] = gradient.flatten().tolist()
    return {"value": value.item(), "gradients": gradients}


if __name__ == "__main__":
    json.dump([differentiated(case) for case in json.load(sys.stdin)], sys.stdout)
