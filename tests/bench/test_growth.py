import re
from xml.etree import ElementTree as ET

from bench.growth import picture


def test_a_drawing_shows_every_measured_point():
    drawn = picture([(500, 90_000), (1_000, 70_000), (2_856, 50_000)], [(10_000, 20_000), (100_000, 60_000)])
    root = ET.fromstring(drawn)  # noqa: S314  # Our own text.
    words = [element.text for element in root.iter() if element.text and element.text.strip()]
    assert {"500", "2,856", "100,000", "90,000", "20,000"} <= set(words)
    assert drawn.count("<circle") == 5


def test_the_highest_rate_stands_highest():
    drawn = picture([(1, 10), (2, 40), (3, 20)], [(1, 5)])
    heights = [float(place) for place in re.findall(r"<circle cx='\d+' cy='(\d+)'", drawn)[:3]]
    assert heights[1] < heights[2] < heights[0]
