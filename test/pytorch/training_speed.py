"""Processor time of steps of training by PyTorch on one core.

    python3 training_speed.py MODEL BATCH CLASSES STEPS

takes STEPS steps of a network of small_networks.py with the losses and the optimiser of the recipe `omniglot`, on
random pictures, after one for nothing, and prints the seconds of each as JSON.
"""

import json
import sys
import time

import torch

from small_networks import NETWORKS
from training_steps import OMNIGLOT_TERMS, Batch, joint_loss


def main(model, batch, classes, steps):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network = NETWORKS[model]()
    images = torch.randn(batch, 1, 28, 28)
    labels = torch.arange(batch) // 4 % classes
    class_weights = torch.nn.Parameter(torch.randn(classes, network(images).shape[1]))
    optimiser = torch.optim.Adam([*network.parameters(), class_weights], lr=4e-3)
    seconds = []
    for _ in range(steps + 1):
        start = time.process_time()
        loss = joint_loss(OMNIGLOT_TERMS, Batch(network(images), labels, class_weights))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seconds.append(time.process_time() - start)
    print(json.dumps(seconds[1:]))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
