"""The command line: files in, verdicts out."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import typer

from jiyu.cli import check, convert, keys, lint, policy, rules, scan, serve, stream
from jiyu.errors import JiyuError

app = typer.Typer(
    name="jiyu",
    help="忌语：按服务规范检查客服通话和聊天 · check Chinese customer service against its norms.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("scan")(scan.scan)
app.command("stream")(stream.stream)
app.command("serve")(serve.serve)
app.command("convert")(convert.convert)
app.command("check")(check.check)
app.command("lint")(lint.lint)
app.command("rules")(rules.rules)
app.add_typer(policy.app, name="policy")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run ``jiyu``; every foreseen error is one clear message and exit code 2."""
    for console in (sys.stdout, sys.stderr):
        if isinstance(console, io.TextIOWrapper):
            # A GBK console cannot show every sign; a mark in its place is better than a crash.
            console.reconfigure(errors="replace")
    try:
        app()
    except JiyuError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:
        # A full disk, a folder that may not be written to.
        typer.echo(f"{error.filename or 'jiyu'}: {error.strerror or 'cannot go on'}", err=True)
        _let_go_of_output()
        sys.exit(2)
    except SystemExit as leaving:
        # The reader of our output has had enough, e.g. ``head``; typer makes it 1, our "findings".
        if isinstance(leaving.__context__, BrokenPipeError):
            _let_go_of_output()
            sys.exit(141)
        raise


def _let_go_of_output() -> None:
    """Keep the interpreter from failing once more as it flushes what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
