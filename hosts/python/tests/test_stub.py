"""The type stub says what the package has, and everything that it says is there."""

import ast
import inspect
import pathlib

import pytest
import springboard

PACKAGE = pathlib.Path(springboard.__file__).parent
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
REAL = {name: getattr(springboard, name) for name in CLASSES}
# What cffi has, and needs a compiler for, or Windows: it raises, and a type checker is to find it.
ABSENT = {"compile", "def_extern", "getwinerror", "set_source", "verify"}


def stubbed(node):
    """The functions of a class in the stub, the last overload of each."""
    return {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}


def test_every_public_name_of_the_classes_is_in_the_stub():
    for name, node in CLASSES.items():
        attributes = {each.target.id for each in node.body if isinstance(each, ast.AnnAssign)}
        known = attributes | set(stubbed(node))
        real = {each for each in vars(REAL[name]) if not each.startswith("_")}
        assert real - known - ABSENT == set(), name


def test_every_name_of_the_stub_is_there():
    for name, node in CLASSES.items():
        for member in stubbed(node):
            # CPython gives a buffer's slot no name before 3.12, and finds attributes by one slot of two.
            found = hasattr(REAL[name], member) or member in ("__buffer__", "__getattr__")
            assert found, f"{name}.{member}"
    public = {name for name in vars(springboard) if not name.startswith("_")}
    assert public <= set(CLASSES), "the package gives names that the stub does not"


@pytest.mark.parametrize("method", [each for each in stubbed(CLASSES["FFI"]) if not each.startswith("_")])
def test_parameters_and_documentation(method):
    node = stubbed(CLASSES["FFI"])[method]
    real = getattr(springboard.FFI, method)
    if method == "from_buffer":
        return  # It is overloaded on the number of its arguments.
    parameters = [each for each in inspect.signature(real).parameters.values() if each.name != "self"]
    rest = [node.args.vararg] if node.args.vararg else []
    given = [each.arg for each in node.args.args[1:] + rest + node.args.kwonlyargs]
    assert [each.name for each in parameters] == given
    optional = sum(each.default is not inspect.Parameter.empty for each in parameters)
    assert optional == len(node.args.defaults) + sum(each is not None for each in node.args.kw_defaults)
    assert inspect.getdoc(real)
