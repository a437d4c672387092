"""Features of one network with random weights, of pictures, by PyTorch, Pillow and torchvision's transforms.

    python3 network_features.py NETWORK FOLDER PICTURE...

writes FOLDER/weights.safetensors, the state dict, and FOLDER/reference.safetensors:
`images` [pictures, height, width, 3], as they enter the network, and `features` [pictures, dimension].
"""

import sys

import torch
from PIL import Image
from torch import nn
from torchvision import models, transforms

from osnet import OSNet, OSNetAin
from resnet import FastReid, GeneralisedMean, IbnNet, StrongBaseline
from tensor_file import write_tensors

STRETCHED = transforms.Resize((256, 128))
CROPPED = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])


def before(classifier, network):
    """A network whose output is what its classifier is given."""

    class Features(type(network)):
        def forward(self, x):
            features = []
            hook = getattr(self, classifier).register_forward_pre_hook(lambda _, given: features.append(given[0]))
            super().forward(x)
            hook.remove()
            return features[0]

    network.__class__ = Features
    return network


NETWORKS = {
    "torchvision-resnet50": (lambda: before("fc", models.resnet50()), CROPPED),
    "torchvision-mobilenet_v2": (lambda: before("classifier", models.mobilenet_v2()), CROPPED),
    "torchreid-osnet_x1_0": (lambda: OSNet([64, 256, 384, 512]), STRETCHED),
    "torchreid-osnet_x0_25": (lambda: OSNet([16, 64, 96, 128]), STRETCHED),
    "torchreid-osnet_ain_x1_0": (OSNetAin, STRETCHED),
    "ibn-net-resnet50_ibn_a": (IbnNet, CROPPED),
    "fast-reid-bot": (lambda: FastReid(nn.AdaptiveAvgPool2d(1)), STRETCHED),
    "fast-reid-bot-ibn": (lambda: FastReid(nn.AdaptiveAvgPool2d(1), instance_batch=True), STRETCHED),
    "fast-reid-agw": (lambda: FastReid(GeneralisedMean(learned=True), non_local=True), STRETCHED),
    "fast-reid-agw-fixed": (lambda: FastReid(GeneralisedMean(learned=False), non_local=True), STRETCHED),
    "strong-baseline": (lambda: StrongBaseline(nn.AdaptiveAvgPool2d(1)), STRETCHED),
    "strong-baseline-ibn": (lambda: StrongBaseline(nn.AdaptiveAvgPool2d(1), instance_batch=True), STRETCHED),
    "agw": (lambda: StrongBaseline(GeneralisedMean(learned=True), non_local=True), STRETCHED),
}


def randomise(network, images):
    """
    Weights and statistics as training might leave them: running statistics are near those of the pictures, so that
    a deep network neither dies out nor explodes, but not equal to them, and nothing is at its neutral value.
    """
    norms = [m for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d))]
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if getattr(module, "out_channels", 0) == 1:
                # A non-local block is cubic in its input: larger weights would leave the range of floats.
                module.weight *= 0.03
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.3)
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
    batch_norms = [norm for norm in norms if norm.running_mean is not None]
    for norm in batch_norms:
        norm.momentum = 1.0
    network.train()
    network(images)
    for norm in batch_norms:
        norm.running_mean += 0.3 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2)
    network.eval()


def main(name, folder, paths):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    make, fit = NETWORKS[name]
    transform = transforms.Compose(
        [fit, transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    )
    images = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])
    network = make()
    with torch.no_grad():
        randomise(network, images)
        features = network(images)
    assert features.isfinite().all()
    write_tensors(f"{folder}/weights.safetensors", network.state_dict())
    write_tensors(f"{folder}/reference.safetensors", {"images": images.permute(0, 2, 3, 1), "features": features})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
