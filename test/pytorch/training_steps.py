"""Steps of training by PyTorch, from given weights on given batches.

    python3 training_steps.py RUN.json START.safetensors END.safetensors

RUN.json has the `model`, the `optimiser` (with PyTorch's names of its options), the learning `rates` of the steps, how
many times faster the class weights learn (`classWeightFactor`), and the `losses`, each a term of losses.py with its
weight. It is computed in float64, so that only our own rounding is between. START has the parameters by name, `losses/classWeights`, and for each step N `images.N` [batch, height, width,
channels] and `labels.N`. END has the parameters after the last step, and `loss`, that of each step.
"""

import json
import sys

import torch

import losses
from small_networks import NETWORKS
from tensor_file import read_tensors, write_tensors

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
CLASS_WEIGHTS = "losses/classWeights"

# The losses of the recipe `omniglot`.
OMNIGLOT_TERMS = [
    {"name": "normalised-softmax", "weight": 1, "scale": 10, "labelSmoothing": 0},
    {"name": "soft-margin", "weight": 1, "scope": "sample", "sharpness": 1},
]


class Batch(losses.Batch):
    """A batch that gradients flow through, to the network and to the class weights."""

    def __init__(self, features, labels, class_weights):
        self.features, self.labels, self.classWeights = features, labels, class_weights
        self.classes = len(class_weights)


def joint_loss(terms, batch):
    return sum(term["weight"] * losses.value_of(term, batch) for term in terms)


def optimiser_of(optimiser, parameters, factor):
    """Weights of layers decay; what has one number a channel does not."""
    options = dict(optimiser)
    make, decay = OPTIMISERS[options.pop("name")], options.pop("weight_decay")
    groups = []
    for name, parameter in parameters.items():
        group = {"params": [parameter], "weight_decay": decay if parameter.dim() > 1 else 0}
        groups.append({**group, "factor": factor if name == CLASS_WEIGHTS else 1})
    return make(groups, lr=1, **options)


def main(run_path, start_path, end_path):
    torch.set_num_threads(1)
    with open(run_path) as file:
        run = json.load(file)
    given = {name: torch.from_numpy(array).double() for name, array in read_tensors(start_path).items()}
    network = NETWORKS[run["model"]]().double()
    network.load_state_dict({name: given.get(name, value) for name, value in network.state_dict().items()})
    class_weights = torch.nn.Parameter(given[CLASS_WEIGHTS])
    learned = {**dict(network.named_parameters()), CLASS_WEIGHTS: class_weights}
    optimiser = optimiser_of(run["optimiser"], learned, run["classWeightFactor"])
    values = []
    for step, rate in enumerate(run["rates"]):
        for group in optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        features = network(given[f"images.{step}"].permute(0, 3, 1, 2))
        loss = joint_loss(run["losses"], Batch(features, given[f"labels.{step}"].long(), class_weights))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    end = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    found = {**end, CLASS_WEIGHTS: class_weights.detach(), "loss": torch.tensor(values)}
    write_tensors(end_path, {name: tensor.float() for name, tensor in found.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
