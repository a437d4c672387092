"""Writes a small `cuhk-03.mat` with h5py and the official file's layout, then reads it back with h5py.

    python3 cuhk03_mat.py cuhk-03.mat

MATLAB 7.3 is HDF5 behind 512 bytes of its own. `labeled` and `detected` are cells of five pairs of cameras; each
entry is a cell of persons x 10 pictures, five of each camera, empty where there are fewer. MATLAB stores by columns, so
h5py sees every array with its axes turned around. What is read back is printed as JSON: by boxes and by the name that
torchreid gives a picture, its height, its width and the SHA-256 of its RGB rows.
"""

import hashlib
import json
import sys

import h5py
import numpy

PERSONS = [3, 2, 1, 2, 1]
PICTURES = 10
UNSIGNED_64_OF_AN_EMPTY_CELL = numpy.zeros(2, dtype="uint64")

random = numpy.random.default_rng(3)


def write_cell(file, references, entries):
    """A cell of references to datasets, of the shape of `entries` in MATLAB."""
    cell = numpy.empty(entries.T.shape, dtype=h5py.ref_dtype)
    for place, entry in numpy.ndenumerate(entries.T):
        cell[place] = entry.ref
    name = f"c{len(references)}"
    dataset = references.create_dataset(name, data=cell, dtype=h5py.ref_dtype)
    dataset.attrs["MATLAB_class"] = numpy.bytes_("cell")
    return dataset


def write_picture(references, is_there):
    name = f"p{len(references)}"
    if not is_there:
        dataset = references.create_dataset(name, data=UNSIGNED_64_OF_AN_EMPTY_CELL)
        dataset.attrs["MATLAB_empty"] = numpy.uint8(1)
        return dataset
    height, width = random.integers(20, 40), random.integers(8, 20)
    picture = random.integers(0, 256, (height, width, 3), dtype="uint8")
    # MATLAB compresses what it writes, in chunks.
    dataset = references.create_dataset(name, data=picture.T, chunks=True, compression="gzip")
    dataset.attrs["MATLAB_class"] = numpy.bytes_("uint8")
    return dataset


def write(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        references = file.create_group("#refs#")
        for boxes in ("labeled", "detected"):
            pairs = numpy.empty((len(PERSONS), 1), dtype=object)
            for pair, persons in enumerate(PERSONS):
                pictures = numpy.empty((persons, PICTURES), dtype=object)
                for place in numpy.ndindex(pictures.shape):
                    pictures[place] = write_picture(references, random.random() < 0.7)
                pairs[pair, 0] = write_cell(file, references, pictures)
            cell = numpy.empty(pairs.T.shape, dtype=h5py.ref_dtype)
            for place, entry in numpy.ndenumerate(pairs.T):
                cell[place] = entry.ref
            file.create_dataset(boxes, data=cell, dtype=h5py.ref_dtype)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created by h5py".ljust(512))


def read(path):
    found = {}
    with h5py.File(path, "r") as file:
        for boxes in ("labeled", "detected"):
            found[boxes] = {}
            for pair, pair_reference in enumerate(file[boxes][()].T[:, 0]):
                for person, row in enumerate(file[pair_reference][()].T):
                    for picture, reference in enumerate(row):
                        pixels = file[reference][()].T
                        if pixels.ndim != 3:
                            continue
                        camera = 1 if picture < 5 else 2
                        name = f"{pair + 1}_{person + 1:03d}_{camera}_{picture + 1:02d}.png"
                        height, width, _ = pixels.shape
                        digest = hashlib.sha256(numpy.ascontiguousarray(pixels).tobytes()).hexdigest()
                        found[boxes][name] = [height, width, digest]
    return found


write(sys.argv[1])
json.dump(read(sys.argv[1]), sys.stdout)
