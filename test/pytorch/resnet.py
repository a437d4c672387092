"""ResNet-50 as re-identification uses it: torchvision's own layers, put together as each project does.

The parameter names are those of IBN-Net's release, of fast-reid (`backbone.`, `heads.`), and of the strong baseline
and of AGW's authors (`base.`, `global_pool.`, `bottleneck`).
"""

import torch
import torchvision
from torch import nn

CLASSES = 751


class InstanceBatch(nn.Module):
    """IBN-a: the first half of the channels is normalised by instance, the second by the batch."""

    def __init__(self, channels):
        super().__init__()
        self.IN = nn.InstanceNorm2d(channels // 2, affine=True)
        self.BN = nn.BatchNorm2d(channels // 2)

    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        return torch.cat([self.IN(first), self.BN(second)], dim=1)


class NonLocal(nn.Module):
    """Every position gathers from all others, by products of one channel."""

    def __init__(self, channels):
        super().__init__()
        self.g = nn.Conv2d(channels, 1, 1)
        self.theta = nn.Conv2d(channels, 1, 1)
        self.phi = nn.Conv2d(channels, 1, 1)
        self.W = nn.Sequential(nn.Conv2d(1, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x):
        g, theta, phi = [part(x).flatten(2) for part in (self.g, self.theta, self.phi)]
        affinity = theta.transpose(1, 2) @ phi / g.shape[2]
        gathered = (affinity @ g.transpose(1, 2)).transpose(1, 2)
        return x + self.W(gathered.reshape(x.shape[0], 1, *x.shape[2:]))


class Backbone(nn.Module):
    """
    stem_relu: the strong baseline and AGW's authors have none after the first normalisation.
    ceil_pool: fast-reid does not pad the first pooling, and counts a last window that is not full.
    non_local: two blocks in the second stage and three in the third, as in AGW.
    """

    def __init__(self, last_stride=1, instance_batch=False, stem_relu=True, ceil_pool=False, non_local=False):
        super().__init__()
        whole = torchvision.models.resnet50()
        self.conv1, self.bn1 = whole.conv1, whole.bn1
        self.stem_relu = stem_relu
        self.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True) if ceil_pool else nn.MaxPool2d(3, 2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = whole.layer1, whole.layer2, whole.layer3, whole.layer4
        if last_stride == 1:
            self.layer4[0].conv2.stride = self.layer4[0].downsample[0].stride = (1, 1)
        if instance_batch:
            for block in [*self.layer1, *self.layer2, *self.layer3]:
                block.bn1 = InstanceBatch(block.bn1.num_features)
        if non_local:
            self.NL_2 = nn.ModuleList([NonLocal(512) for _ in range(2)])
            self.NL_3 = nn.ModuleList([NonLocal(1024) for _ in range(3)])

    def forward(self, x):
        x = self.bn1(self.conv1(x))
        x = self.maxpool(x.relu() if self.stem_relu else x)
        for stage in (1, 2, 3, 4):
            blocks = getattr(self, f"layer{stage}")
            gatherers = getattr(self, f"NL_{stage}", [])
            for index, block in enumerate(blocks):
                x = block(x)
                behind_last = index - (len(blocks) - len(gatherers))
                if behind_last >= 0:
                    x = gatherers[behind_last](x)
        return x


class GeneralisedMean(nn.Module):
    """(mean max(x, 1e-6)^p)^(1/p) of each channel; the exponent is learned, or fixed at 3."""

    def __init__(self, learned):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([2.6])) if learned else 3.0

    def forward(self, x):
        return x.clamp(min=1e-6).pow(self.p).mean(dim=(2, 3), keepdim=True).pow(1 / self.p)


class IbnNet(Backbone):
    """IBN-Net's release: an ImageNet network, whose classifier is left out."""

    def __init__(self):
        super().__init__(last_stride=2, instance_batch=True)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x):
        return super().forward(x).mean(dim=(2, 3))


class Heads(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool_layer = pool
        self.bottleneck = nn.Sequential(nn.BatchNorm2d(2048))
        self.weight = nn.Parameter(torch.randn(CLASSES, 2048))

    def forward(self, x):
        return self.bottleneck(self.pool_layer(x)).flatten(1)


class FastReid(nn.Module):
    """Its own normalisation of pixels is left to whoever calls it."""

    def __init__(self, pool, **options):
        super().__init__()
        self.register_buffer("pixel_mean", torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1))
        self.backbone = Backbone(ceil_pool=True, **options)
        self.heads = Heads(pool)

    def forward(self, x):
        return self.heads(self.backbone(x))


class StrongBaseline(nn.Module):
    """Of the strong baseline, which AGW's authors started from: their IBN-a has the ReLU that the others miss."""

    def __init__(self, pool, instance_batch=False, **options):
        super().__init__()
        self.base = Backbone(instance_batch=instance_batch, stem_relu=instance_batch, **options)
        if instance_batch:
            self.base.fc = nn.Linear(2048, CLASSES)
        self.global_pool = pool
        self.bottleneck = nn.BatchNorm1d(2048)
        self.classifier = nn.Linear(2048, CLASSES, bias=False)

    def forward(self, x):
        return self.bottleneck(self.global_pool(self.base(x)).flatten(1))
