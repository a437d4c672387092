"""The recipe `omniglot` of training/recipes/omniglot.ts in PyTorch, for a comparison on the same split.

    python3 omniglot.py images_background.zip --seed 1 --hold-out "Alphabet of the Magi" Greek ...

Trains conv4 by normalised softmax (scale 10) and the Soft Margin Loss by sample on the alphabets that are not held
out: 2,000 batches of 32 characters with 4 drawings each, moved about at random, by Adam. Then it ranks the drawings of
drawers 2 to 20 for each of drawer 1, by cosine, on the alphabets held out, and prints mAP, mINP and CMC-1 as JSON. On
one core it takes some minutes.
"""

import argparse
import json
import math
import re
import time
import zipfile
from collections import defaultdict

import numpy
import torch
from PIL import Image
from torch.nn import functional

from small_networks import Conv4
from training_steps import OMNIGLOT_TERMS, Batch, joint_loss

NAME = re.compile(r"images_background/([^/]+)/(character\d+)/\d+_(\d+)\.png$")
CHARACTERS, DRAWINGS, RATE, WARM_UP = 32, 4, 4e-3, 100


def read_drawings(path):
    """The alphabet, character and drawer of each drawing, and its 28×28 pixels with ink 1 on 0."""
    labels, pixels = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            found = NAME.search(name)
            if found is None:
                continue
            with archive.open(name) as file:
                small = Image.open(file).convert("L").resize((28, 28), Image.Resampling.BILINEAR)
            labels.append((found[1], f"{found[1]}/{found[2]}", int(found[3])))
            pixels.append(1 - numpy.asarray(small, dtype=numpy.float32) / 255)
    return labels, torch.from_numpy(numpy.stack(pixels))[:, None]


def moved(pictures):
    """Each rotated by up to 15°, scaled and sheared by up to 15 % and shifted by up to two pixels."""

    def draw(limit):
        return (2 * torch.rand(len(pictures)) - 1) * limit

    angle, size, shear = draw(math.pi / 12), 1 + draw(0.15), draw(0.15)
    shift = torch.stack([draw(2), draw(2)], dim=1)
    cos, sin = angle.cos() / size, angle.sin() / size
    # From the target back to the source: unshift, rotate back, lean back.
    rotate = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    lean = torch.eye(2).repeat(len(pictures), 1, 1)
    lean[:, 0, 1] = -shear
    back = lean @ rotate
    offset = -(back @ shift[:, :, None]) / 14
    grid = functional.affine_grid(torch.cat([back, offset], dim=2), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def batches(identities, generator):
    """Without end: characters are dealt from a shuffled deck, and so are the drawings of each."""
    drawings = defaultdict(list)
    for index, identity in enumerate(identities):
        drawings[identity].append(index)
    hands = {identity: [] for identity in drawings}
    while True:
        deck = generator.permutation(list(drawings))
        for start in range(0, len(deck) - CHARACTERS + 1, CHARACTERS):
            batch = []
            for identity in deck[start : start + CHARACTERS]:
                if len(hands[identity]) < DRAWINGS:
                    hands[identity] = list(generator.permutation(drawings[identity]))
                batch += [hands[identity].pop() for _ in range(DRAWINGS)]
            yield torch.tensor(batch)


def rate_factor(step, steps):
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / (steps - WARM_UP)))


def train(pixels, identities, seed, steps):
    """@returns the network with the statistics of pixels by which it wants them normalised."""
    torch.manual_seed(seed)
    network = Conv4()
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight)
    classes = int(identities.max()) + 1
    class_weights = torch.nn.Parameter(torch.randn(classes, 128) / math.sqrt(128))
    optimiser = torch.optim.Adam([{"params": network.parameters()}, {"params": [class_weights]}])
    mean, deviation = pixels.mean(), pixels.std()
    dealt = batches(identities.tolist(), numpy.random.default_rng(seed))
    for step in range(steps):
        for group, factor in zip(optimiser.param_groups, (1, 10)):
            group["lr"] = RATE * factor * rate_factor(step, steps)
        batch = next(dealt)
        features = network((moved(pixels[batch]) - mean) / deviation)
        loss = joint_loss(OMNIGLOT_TERMS, Batch(features, identities[batch], class_weights))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % 200 == 0:
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    return network.eval(), mean, deviation


def rank(features, characters, drawers):
    """mAP, mINP and CMC-1 of drawer 1 against the others."""
    query, gallery = drawers == 1, drawers != 1
    precision, penalty, first = [], [], []
    for row, character in zip(features[query] @ features[gallery].T, characters[query]):
        correct = (characters[gallery] == character)[row.argsort(descending=True)]
        ranks = correct.nonzero().flatten() + 1
        precision.append((torch.arange(1, len(ranks) + 1) / ranks).mean())
        penalty.append(len(ranks) / ranks[-1])
        first.append(correct[0].float())
    return {name: torch.stack(values).mean().item() for name, values in
            (("mAP", precision), ("mINP", penalty), ("cmc1", first))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--hold-out", nargs="+", required=True, metavar="ALPHABET")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    given = parser.parse_args()
    torch.set_num_threads(1)

    labels, pixels = read_drawings(given.archive)
    held = torch.tensor([alphabet in given.hold_out for alphabet, _, _ in labels])
    names = sorted({character for _, character, _ in labels})
    characters = torch.tensor([names.index(character) for _, character, _ in labels])
    drawers = torch.tensor([drawer for _, _, drawer in labels])
    _, identities = characters[~held].unique(return_inverse=True)

    start = time.time()
    network, mean, deviation = train(pixels[~held], identities, given.seed, given.steps)
    seconds = time.time() - start
    with torch.no_grad():
        features = torch.cat([network((part - mean) / deviation) for part in pixels[held].split(256)])
    scores = rank(functional.normalize(features), characters[held], drawers[held])
    print(json.dumps({"seed": given.seed, "steps": given.steps, "seconds": round(seconds), **scores}))


if __name__ == "__main__":
    main()
