"""Which tasks there are does not depend on what else is in the case."""

import json
from typing import Any

from analyzer.engine.messages import Image, Summary
from analyzer.engine.planning import arranged, each_alone, hosts, surveys, with_losses
from analyzer.engine.tasks import ImageFiles, image_task_id
from analyzer.ownership import DiskFacts

C, D, X = (ImageFiles(name, (f"/evidence/{name}",)) for name in ("c.E01", "d.E01", "x.E01"))
HOST = DiskFacts(1, ((1, 63),), ("p1", "p2"), ((1, 63), (2, 63)))
DATA = DiskFacts(2, ((2, 63),))
STRAY = DiskFacts(3, ((3, 63),))


def through_json(data: Any) -> Any:
    """As it comes from a child: lists for tuples."""
    return json.loads(json.dumps(data))


def surveyed(**disks: DiskFacts | None) -> dict[str, Summary]:
    return {f"{name}.E01": Summary(images=[
        Image(f"{name}.E01", {} if disk is None else {"disk": through_json(disk.to_json())})])
        for name, disk in disks.items()}


def test_facts_of_a_disk_come_back() -> None:
    assert DiskFacts.from_json(through_json(HOST.to_json())) == HOST


def test_disks_of_one_computer_are_opened_together() -> None:
    found = hosts([D, C], surveyed(c=HOST, d=DATA))
    assert [(h.images, h.system_id, h.part) for h in found] == [
        ((D, C), "c.E01!/p1", "p1"), ((D, C), "c.E01!/p2", "p2")]


def test_a_disk_that_nobody_names_joins_the_only_host_unless_an_image_was_lost() -> None:
    assert [h.images for h in hosts([C, X], surveyed(c=HOST, x=STRAY))] == [(C, X)] * 2
    found = hosts([C, D, X], surveyed(c=HOST, d=None, x=STRAY))
    assert [(h.system_id, h.images) for h in found] == [
        ("c.E01!/p1", (C,)), ("c.E01!/p2", (C,)), ("x.E01", (X,))]


def test_each_file_is_in_an_image_whatever_the_child_says() -> None:
    paths = ["/e/a.E01", "/e/b.E01", "/e/b.E02"]
    said = Summary(images=[Image("b.E01", {"paths": [1, 2]}), Image("z", {"paths": [7]}),
                           Image("z", {"paths": []}), Image("z", {"paths": ["/etc/passwd"]})])
    assert arranged(paths, said) == [ImageFiles("b.E01", ("/e/b.E01", "/e/b.E02")),
                                     ImageFiles("a.E01", ("/e/a.E01",))]
    assert [i.name for i in each_alone(["/e/a", "/f/a", "/g/a~2"])] == ["a", "a~2", "a~2~2"]


def test_what_a_survey_could_not_read_is_known_to_the_tasks_after_it() -> None:
    said = surveyed(c=HOST, d=None)
    said["c.E01"].images[0].data["lost"] = [[0, 512], [4_096, 32_768]]
    assert [image.lost for image in with_losses([C, D], said)] == [((0, 512), (4_096, 32_768)), ()]


def test_ids_are_file_names_and_no_two_images_share_one() -> None:
    names = ["disk.E01", "disk_E01", "disk E01", "disk/E01", "disk@p1", "disk", "..", ".x", "x",
             "é", "è", "a" * 80, "a" * 81, "a" * 82, "a" * 80 + "\udcff"]
    ids = [work.task.task_id for work in surveys([ImageFiles(name, ()) for name in names])]
    assert len({task_id.casefold() for task_id in ids}) == len(names)
    for task_id in ids:
        assert task_id.isascii()
        assert "/" not in task_id
        assert not task_id.startswith(".")
        assert len(task_id) < 120
    assert image_task_id("ws2008.E01", "p1") == "ws2008.E01@p1"
