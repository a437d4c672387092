"""OSNet and OSNet-AIN, written anew after their papers, with the parameter names of torchreid.

Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019, and "Learning Generalisable
Omni-Scale Representations for Person Re-Identification", TPAMI 2021.
"""

from torch import nn

CLASSES = 751


def convolution(inputs, outputs, kernel, **options):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **options)


class Normalised(nn.Module):
    """A convolution, a normalisation if there is one, and ReLU unless it is linear."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, norm=nn.BatchNorm2d, linear=False):
        super().__init__()
        self.conv = convolution(inputs, outputs, kernel, stride=stride)
        if norm is not None:
            self.bn = norm(outputs, affine=True)
        self.linear = linear

    def forward(self, x):
        x = self.conv(x)
        if hasattr(self, "bn"):
            x = self.bn(x)
        return x if self.linear else x.relu()


class Lite(nn.Module):
    """The lite 3×3: a linear 1×1, then 3×3 by channel, batch normalisation and ReLU."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = convolution(width, width, 1)
        self.conv2 = convolution(width, width, 3, groups=width)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.conv2(self.conv1(x))).relu()


class Gate(nn.Module):
    """Weighs channels by a network over their means."""

    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Conv2d(width, width // 16, 1)
        self.fc2 = nn.Conv2d(width // 16, width, 1)

    def forward(self, x):
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * self.fc2(self.fc1(means).relu()).sigmoid()


class Block(nn.Module):
    """Four streams of one to four lite convolutions, summed behind one gate, as a residual."""

    def __init__(self, inputs, outputs, instance=False):
        super().__init__()
        width = outputs // 4
        self.conv1 = Normalised(inputs, width)
        self.make_streams(width)
        self.gate = Gate(width)
        self.conv3 = Normalised(width, outputs, norm=None if instance else nn.BatchNorm2d, linear=True)
        if instance:
            self.IN = nn.InstanceNorm2d(outputs, affine=True)
        if inputs != outputs:
            self.downsample = Normalised(inputs, outputs, linear=True)

    def make_streams(self, width):
        self.conv2a = Lite(width)
        for depth, letter in enumerate("bcd", start=2):
            setattr(self, f"conv2{letter}", nn.Sequential(*[Lite(width) for _ in range(depth)]))

    def streams(self):
        return [self.conv2a, self.conv2b, self.conv2c, self.conv2d]

    def forward(self, x):
        reduced = self.conv1(x)
        residual = self.conv3(sum(self.gate(stream(reduced)) for stream in self.streams()))
        if hasattr(self, "IN"):
            residual = self.IN(residual)
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return (residual + shortcut).relu()


class Stream(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.layers = nn.Sequential(*[Lite(width) for _ in range(depth)])

    def forward(self, x):
        return self.layers(x)


class AinBlock(Block):
    """The same with the names of torchreid's other file."""

    def make_streams(self, width):
        self.conv2 = nn.ModuleList([Stream(width, depth) for depth in (1, 2, 3, 4)])

    def streams(self):
        return self.conv2


class OSNet(nn.Module):
    def __init__(self, channels):
        super().__init__()
        stem, *widths = channels
        self.conv1 = Normalised(3, stem, kernel=7, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = stem
        for stage, width in enumerate(widths, start=2):
            blocks = [Block(inputs, width), Block(width, width)]
            if stage < 4:
                blocks.append(nn.Sequential(Normalised(width, width), nn.AvgPool2d(2)))
            setattr(self, f"conv{stage}", nn.Sequential(*blocks))
            inputs = width
        self.make_head(inputs)

    def make_head(self, width):
        self.conv5 = Normalised(width, width)
        self.fc = nn.Sequential(nn.Linear(width, 512), nn.BatchNorm1d(512), nn.ReLU())
        self.classifier = nn.Linear(512, CLASSES)

    def maps(self, x):
        return self.conv4(self.conv3(self.conv2(x)))

    def forward(self, x):
        x = self.maps(self.maxpool(self.conv1(x)))
        return self.fc(self.conv5(x).mean(dim=(2, 3)))


class OSNetAin(OSNet):
    """Normalised by instance in the stem and in the blocks that the search of the paper found."""

    def __init__(self):
        nn.Module.__init__(self)
        self.conv1 = Normalised(3, 64, kernel=7, stride=2, norm=nn.InstanceNorm2d)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = nn.Sequential(AinBlock(64, 256, True), AinBlock(256, 256, True))
        self.pool2 = nn.Sequential(Normalised(256, 256), nn.AvgPool2d(2))
        self.conv3 = nn.Sequential(AinBlock(256, 384), AinBlock(384, 384, True))
        self.pool3 = nn.Sequential(Normalised(384, 384), nn.AvgPool2d(2))
        self.conv4 = nn.Sequential(AinBlock(384, 512, True), AinBlock(512, 512))
        self.make_head(512)

    def maps(self, x):
        return self.conv4(self.pool3(self.conv3(self.pool2(self.conv2(x)))))
