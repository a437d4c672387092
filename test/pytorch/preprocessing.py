"""Pictures as Pillow decodes and torchvision's transforms prepare them.

    python3 preprocessing.py CASES.json OUTPUT.safetensors

CASES.json is a list of cases with a `path`, a `mode` ("RGB" or "L"), the `height` and `width` of the input, and
optionally a `shorterSide` to resize to before the centre is cut out. OUTPUT has `pixels.N`, whole numbers up to 255 [height, width,
channels], and `values.N`, the same after ToTensor and Normalize with ImageNet's statistics, for each case N.
"""

import json
import sys

import numpy
from PIL import Image, ImageOps
from torchvision import transforms

from tensor_file import write_tensors

STATISTICS = {"RGB": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "L": ([0.1307], [0.3081])}


def prepare(case):
    picture = ImageOps.exif_transpose(Image.open(case["path"])).convert(case["mode"])
    size = (case["height"], case["width"])
    shorter = case.get("shorterSide")
    fit = [transforms.Resize(size)] if shorter is None else [transforms.Resize(shorter), transforms.CenterCrop(size)]
    fitted = transforms.Compose(fit)(picture)
    values = transforms.Normalize(*STATISTICS[case["mode"]])(transforms.ToTensor()(fitted))
    return numpy.atleast_3d(numpy.float32(fitted)), values.permute(1, 2, 0)


def main(cases_path, output):
    tensors = {}
    with open(cases_path) as file:
        for index, case in enumerate(json.load(file)):
            tensors[f"pixels.{index}"], tensors[f"values.{index}"] = prepare(case)
    write_tensors(output, tensors)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
