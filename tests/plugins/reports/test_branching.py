"""Places of tree nodes, checked by rules that any tree drawing must keep."""

from hypothesis import given
from hypothesis import strategies as st

from plugins.reports.branching import LANES, lay_out

names = st.sampled_from([*"abcdefghij", "", "missing"])
forests = st.lists(st.tuples(names, names), max_size=30)


@given(forests, names)
def test_every_node_stands_on_its_own_line_below_its_parent(
        nodes: list[tuple[str, str]], current: str) -> None:
    places = lay_out(nodes, current)
    assert sorted(p.node for p in places) == list(range(len(nodes)))
    assert [p.line for p in places] == list(range(len(nodes)))
    for place in places:
        assert 0 <= place.lane < LANES
        if place.parent_line is None:
            assert place.depth == 0
            continue
        parent = places[place.parent_line]
        assert parent.line < place.line
        assert place.depth == parent.depth + 1
        assert place.lane in (parent.lane, min(parent.lane + 1, LANES - 1))
        assert nodes[parent.node][0] == nodes[place.node][1]


@given(forests)
def test_lines_to_parents_never_cross_a_dot_of_their_lane(nodes: list[tuple[str, str]]) -> None:
    places = lay_out(nodes)
    for place in places:
        if place.parent_line is not None and place.parent_lane < LANES - 1:
            between = places[place.parent_line + 1:place.line]
            assert all(other.lane > place.parent_lane
                       or other.parent_line == place.parent_line for other in between)


def test_the_way_to_the_present_is_straight() -> None:
    chain = [(str(n), str(n - 1) if n else "") for n in range(50)]
    side = [(f"side {n}", str(n)) for n in range(0, 50, 7)]
    lanes = {place.node: place.lane for place in lay_out([*side, *chain], "49")}
    assert [lanes[len(side) + n] for n in range(50)] == [0] * 50
    assert all(lanes[n] == 1 for n in range(len(side) - 1))


def test_trouble_is_marked() -> None:
    nodes = [("root", ""), ("lost", "gone"), ("a", "b"), ("b", "a"), ("self", "self")]
    assert [p.trouble for p in sorted(lay_out(nodes), key=lambda p: p.node)] == [
        "", "parent missing", "loop", "", "loop"]


def test_a_very_deep_chain_is_laid_out() -> None:
    nodes = [(str(n), str(n - 1) if n else "") for n in range(20_000)]
    assert lay_out(nodes)[-1].depth == 19_999
