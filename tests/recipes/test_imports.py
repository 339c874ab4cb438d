"""Which module imports which: no cycles, and nothing heavy before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted((ROOT / "recipes").rglob("*.py"))}


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports anywhere, also inside functions and for type checking."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            if any(f"{node.module}.{alias.name}" not in MODULES for alias in node.names):
                found.add(node.module)
    return found & MODULES.keys()


def test_no_module_imports_itself_through_others() -> None:
    graph = {name: imports_of(path) for name, path in MODULES.items()}
    while graph:
        leaves = [name for name, imported in graph.items() if not imported & graph.keys()]
        assert leaves, {name: imported & graph.keys() for name, imported in graph.items()}
        for name in leaves:
            del graph[name]


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_the_package_and_the_list_of_algorithms_load_neither_torch_nor_ray() -> None:
    assert not {"numpy", "torch", "ray"} & loaded_after("import recipes")  # so that Ctrl-C ends it without a traceback
    assert not {"torch", "ray"} & loaded_after("from recipes.cli import main; main(['ls'])")


def test_an_algorithms_file_loads_no_ray() -> None:
    assert "ray" not in loaded_after("from recipes import registry; [e.load() for e in registry.ALGORITHMS.values()]")
