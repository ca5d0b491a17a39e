"""Letters as strokes: a drawn alphabet of straight lines and arcs, and its rasterising with smooth edges.

A shape is a list of polylines in a box of 100 by 140, y downwards; the pen is round. Small on purpose: capital letters,
digits, and a figure for whoever has no initial among them.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Line = Sequence[Point]

WIDTH, HEIGHT = 100.0, 140.0


def _arc(x: float, y: float, width: float, height: float, start: float, end: float) -> list[Point]:
    """Part of an ellipse around (x, y); degrees, clockwise from the right."""
    steps = max(4, round(abs(end - start) / 12))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


_LEFT: Line = ((15, 0), (15, 140))
_RIGHT: Line = ((85, 0), (85, 140))
_TOP: Line = ((15, 0), (85, 0))
_MIDDLE: Line = ((15, 70), (78, 70))
_BOTTOM: Line = ((15, 140), (85, 140))
_BOWL: Line = [(15, 0), (50, 0), *_arc(50, 36, 34, 36, -90, 90), (15, 72)]
_ROUND: Line = _arc(50, 70, 42, 70, 0, 360)
_OPEN: Line = _arc(52, 70, 44, 70, -48, -312)

SHAPES: dict[str, tuple[Line, ...]] = {
    "A": (((6, 140), (50, 0), (94, 140)), ((24, 92), (76, 92))),
    "B": (
        _LEFT,
        [(15, 0), (48, 0), *_arc(48, 34, 30, 34, -90, 90), (15, 68)],
        [(15, 68), (50, 68), *_arc(50, 104, 36, 36, -90, 90), (15, 140)],
    ),
    "C": (_OPEN,),
    "D": (_LEFT, [(15, 0), (40, 0), *_arc(40, 70, 46, 70, -90, 90), (15, 140)]),
    "E": (_LEFT, _TOP, _MIDDLE, _BOTTOM),
    "F": (_LEFT, _TOP, _MIDDLE),
    "G": (_OPEN, [(84, 118), (84, 76), (58, 76)]),
    "H": (_LEFT, _RIGHT, ((15, 70), (85, 70))),
    "I": (((50, 0), (50, 140)), ((28, 0), (72, 0)), ((28, 140), (72, 140))),
    "J": ([(74, 0), (74, 100), *_arc(44, 100, 30, 40, 0, 170)],),
    "K": (_LEFT, ((84, 0), (15, 84)), ((40, 58), (88, 140))),
    "L": (_LEFT, _BOTTOM),
    "M": (((8, 140), (14, 0), (50, 92), (86, 0), (92, 140)),),
    "N": (((15, 140), (15, 0), (85, 140), (85, 0)),),
    "O": (_ROUND,),
    "P": (_LEFT, _BOWL),
    "Q": (_ROUND, ((60, 104), (92, 146))),
    "R": (_LEFT, _BOWL, ((48, 72), (86, 140))),
    "S": ([*_arc(50, 36, 34, 36, -32, -270), *_arc(50, 105, 37, 35, -90, 150)],),
    "T": (((50, 0), (50, 140)), ((8, 0), (92, 0))),
    "U": ([(13, 0), (13, 96), *_arc(50, 96, 37, 44, 180, 0), (87, 0)],),
    "V": (((8, 0), (50, 140), (92, 0)),),
    "W": (((2, 0), (26, 140), (50, 44), (74, 140), (98, 0)),),
    "X": (((12, 0), (88, 140)), ((88, 0), (12, 140))),
    "Y": (((10, 0), (50, 70), (90, 0)), ((50, 70), (50, 140))),
    "Z": (((14, 0), (86, 0), (14, 140), (86, 140)),),
    "0": (_arc(50, 70, 36, 70, 0, 360),),
    "1": (((26, 26), (54, 0), (54, 140)), ((28, 140), (80, 140))),
    "2": ([*_arc(50, 38, 34, 38, -165, 22), (14, 140), (86, 140)],),
    "3": (_arc(48, 36, 32, 36, -150, 90), _arc(48, 106, 37, 34, -90, 150)),
    "4": (((68, 140), (68, 0), (10, 100), (92, 100)),),
    "5": ([(80, 0), (24, 0), (18, 64), *_arc(46, 96, 39, 44, -130, 150)],),
    "6": ([(70, 4), *_arc(62, 88, 47, 84, -92, -180), *_arc(50, 98, 35, 42, 180, 540)],),
    "7": (((12, 0), (88, 0), (42, 140)),),
    "8": (_arc(50, 34, 30, 34, 0, 360), _arc(50, 104, 37, 36, 0, 360)),
    "9": ([*_arc(50, 42, 35, 42, 0, 360), *_arc(38, 52, 47, 84, 0, 88)],),
    # Head and shoulders.
    "": (_arc(50, 34, 30, 34, 0, 360), [*_arc(50, 150, 70, 56, 180, 360)]),
}


def rasterise(shape: Sequence[Line], size: int, height: float, pen: float, levels: int) -> list[bytearray]:
    """The shape in the middle of a square of ``size`` pixels, ``height`` pixels high, drawn with a pen ``pen`` pixels wide:
    rows of coverage, 0 to ``levels - 1``."""
    rows = [bytearray(size) for _ in range(size)]
    scale = height / HEIGHT
    left, top = (size - WIDTH * scale) / 2, (size - height) / 2
    for line in shape:
        points = [(left + x * scale, top + y * scale) for x, y in line]
        for one, other in pairwise(points):
            _draw(rows, one, other, pen / 2, levels - 1)
    return rows


def _draw(rows: list[bytearray], one: Point, other: Point, radius: float, full: int) -> None:
    """One straight stroke: every pixel near it takes the coverage that its distance gives, if that is more than it has."""
    (x1, y1), (x2, y2) = one, other
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy or 1.0
    size = len(rows)
    reach = radius + 1
    for y in range(max(0, int(min(y1, y2) - reach)), min(size, int(max(y1, y2) + reach) + 1)):
        row = rows[y]
        for x in range(max(0, int(min(x1, x2) - reach)), min(size, int(max(x1, x2) + reach) + 1)):
            px, py = x + 0.5 - x1, y + 0.5 - y1
            along = min(1.0, max(0.0, (px * dx + py * dy) / length))
            distance = math.hypot(px - along * dx, py - along * dy)
            # Half a pixel on either side of the edge is the smooth part of it.
            coverage = min(full, int((radius + 0.5 - distance) * full + 0.5))
            row[x] = max(row[x], coverage)
