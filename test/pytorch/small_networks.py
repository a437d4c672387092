"""The networks of small pictures, with our parameter names, in PyTorch's own layers."""

from torch import nn


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


class Conv4(nn.Module):
    """Four blocks of convolution, pooling, normalisation and ReLU, then 128 normalised numbers."""

    def __init__(self):
        super().__init__()
        inputs = 1
        for index, width in enumerate((32, 32, 64, 128), start=1):
            setattr(self, f"conv{index}", conv(inputs, width))
            setattr(self, f"bn{index}", nn.BatchNorm2d(width))
            inputs = width
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(128, 128, bias=False)
        self.neck = nn.BatchNorm1d(128)

    def forward(self, x):
        for index in (1, 2, 3, 4):
            x = getattr(self, f"bn{index}")(self.pool(getattr(self, f"conv{index}")(x))).relu()
        return self.neck(self.fc(x.flatten(1)))


class MnistWide(nn.Module):
    """Four convolutions with normalisation and ReLU, pooled behind all but the third, then 32 normalised numbers."""

    def __init__(self):
        super().__init__()
        inputs = 1
        for index, width in enumerate((16, 32, 64, 64), start=1):
            setattr(self, f"conv{index}", conv(inputs, width))
            setattr(self, f"bn{index}", nn.BatchNorm2d(width))
            inputs = width
        self.pool = nn.MaxPool2d(2)
        self.embedding = nn.Conv2d(64, 32, 3, bias=False)
        self.neck = nn.BatchNorm2d(32)

    def forward(self, x):
        for index in (1, 2, 3, 4):
            x = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(x)).relu()
            if index != 3:
                x = self.pool(x)
        return self.neck(self.embedding(x)).flatten(1)


class Mnist2d(nn.Module):
    """One, two and two convolutions with normalisation and PReLU between poolings, then two numbers."""

    STAGES = ((16,), (32, 32), (64, 64))

    def __init__(self):
        super().__init__()
        inputs = 1
        for stage, widths in enumerate(self.STAGES, start=1):
            for part, width in enumerate(widths, start=1):
                setattr(self, f"conv{stage}_{part}", conv(inputs, width))
                setattr(self, f"bn{stage}_{part}", nn.BatchNorm2d(width))
                setattr(self, f"prelu{stage}_{part}", nn.PReLU(width))
                inputs = width
        self.pool = nn.MaxPool2d(2)
        self.embedding = nn.Conv2d(64, 2, 3)

    def forward(self, x):
        for stage, widths in enumerate(self.STAGES, start=1):
            for part in range(1, len(widths) + 1):
                for layer in ("conv", "bn", "prelu"):
                    x = getattr(self, f"{layer}{stage}_{part}")(x)
            x = self.pool(x)
        return self.embedding(x).flatten(1)


NETWORKS = {"conv4": Conv4, "mnist-wide": MnistWide, "mnist-2d": Mnist2d}
