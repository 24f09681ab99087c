"""Data that ships with Tercio: rules, mandates, tables, each with its cases beside it. Passed on as values."""

from importlib.resources import files


def mandate_texts() -> dict[str, str]:
    """The built-in Cedar policies by file name."""
    folder = files("tercio.content") / "mandates"
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".cedar")}


def mandate_schema() -> str:
    """The Cedar schema that every policy of a mandate must fit."""
    return (files("tercio.content") / "mandates" / "schema.cedarschema").read_text("utf-8")
