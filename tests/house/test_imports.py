"""Direct imports between rooms, module by module (DESIGN §3); import-linter holds the layers and what is indirect."""

import graphlib
import subprocess
import sys

import grimp
import pytest

from tests.house import tree

HAND = ("callers", "hand", "handfile", "limits", "world")
MAY_USE = {
    # of -> {room: the only parts of it that may be used}
    "tercio.loop": {
        "tercio.products": ("tercio.products.sensors", "tercio.products.transports"),
        "tercio.store": ("tercio.store.state", "tercio.store.journal", "tercio.store.intake"),
    },
    # The hand and the files it is made of.
    **{
        f"tercio.products.{part}": {
            "tercio": (
                "tercio.model",
                "tercio.products.effectors",
                "tercio.products.transports",
                *(f"tercio.products.{own}" for own in HAND),
            ),
        }
        for part in HAND
    },
    "tercio.model": {"tercio": ("tercio.model",)},
    "tercio.content": {"tercio": ("tercio.content",)},
}
HEAVY = ("chdb", "pyarrow", "clickhouse_connect", "uvicorn", "fastapi", "nicegui", "pydantic_ai")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("tercio", include_external_packages=True, cache_dir=None)


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("user", MAY_USE)
def test_only_the_named_parts_are_imported(graph: grimp.ImportGraph, user: str):
    wrong = []
    for module in filter(lambda m: inside(m, user), graph.modules):
        for used in graph.find_modules_directly_imported_by(module):
            for room, parts in MAY_USE[user].items():
                if inside(used, room) and used != room and not any(inside(used, part) for part in parts):
                    wrong.append(f"{module} imports {used}")
    assert not wrong, "\n".join(sorted(wrong))


def test_the_model_needs_msgspec_and_nothing_else(graph: grimp.ImportGraph):
    used = {u for m in graph.modules if inside(m, "tercio.model") for u in graph.find_modules_directly_imported_by(m)}
    outside = {u for u in used if not inside(u, "tercio")}
    assert {u for u in outside if u not in sys.stdlib_module_names} == {"msgspec"}


@pytest.mark.parametrize("user", ["tercio.loop", "tercio.products.hand"])
def test_heavy_libraries_are_out_of_reach(graph: grimp.ImportGraph, user: str):
    if user not in graph.modules:
        pytest.skip(f"{user} is not built yet")
    heavy = [h for h in HEAVY if h in graph.modules]
    chains = [graph.find_shortest_chain(m, h) for h in heavy for m in graph.modules if inside(m, user)]
    assert not [" -> ".join(chain) for chain in chains if chain]


def test_a_command_line_of_the_loop_loads_nothing_heavy():
    """All commands are one program: what one of them needs alone is imported when it runs."""
    loaded = "import sys, tercio.app.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert not {*HEAVY, "pandas", "numpy"} & set(ran.stdout.split())


def test_what_ships_needs_no_test_tool(graph: grimp.ImportGraph):
    for tool in {"tests", "bench", "pytest", "hypothesis"} & graph.modules:
        assert not graph.find_modules_that_directly_import(tool)


def test_no_module_needs_itself(graph: grimp.ImportGraph):
    shipped = {tree.module_name(p) for p in tree.sources()}
    needs = {m: graph.find_modules_directly_imported_by(m) & shipped - {m} for m in shipped & graph.modules}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        pytest.fail("an import cycle: " + " <- ".join(error.args[1]))
