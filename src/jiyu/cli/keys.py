"""``jiyu keys``: the keys of a store, before there is anybody who could ask the gateway for one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jiyu.errors import InputError, Problem

if TYPE_CHECKING:
    from jiyu.store.database import Database

app = typer.Typer(
    help="网关的密钥 · API keys of the gateway.", no_args_is_help=True, rich_markup_mode=None
)

#: As jiyu.store.keys has it, which cannot be imported where the extra is not installed.
Role = Literal["ingest", "agent", "reviewer", "supervisor", "admin"]
#: Who has done what is done here, in the audit log.
_ACTOR = "cli"

Db = Annotated[
    str,
    typer.Option(
        "--db", envvar="JIYU_DB", metavar="URL", help="数据库 · sqlite:///FILE or postgresql://…"
    ),
]


@app.command("create")
def create(
    role: Annotated[Role, typer.Option(help="角色 · what the key is for.")],
    label: Annotated[str, typer.Option(help="给谁用 · whom it is for.")] = "",
    team: Annotated[str | None, typer.Option(help="只限此组 · this team's data only.")] = None,
    agent_id: Annotated[
        str | None, typer.Option("--agent-id", help="只限此人 · of role agent: whose data.")
    ] = None,
    db: Db = "sqlite:///jiyu.db",
) -> None:
    """新建密钥，只显示一次 · make a key and print it, this once."""
    database = _database(db)
    from jiyu.gateway.keys import make, wrong_scope  # noqa: PLC0415
    from jiyu.store.scope import Scope  # noqa: PLC0415

    scope = Scope(team or None, agent_id or None)
    wrong = wrong_scope(role, scope)
    if wrong:
        raise InputError(Problem("--role", None, wrong))
    with database.begin() as connection:
        key = make(connection, _ACTOR, role, label or role, scope)
    database.close()
    typer.echo(key)


@app.command("list")
def listing(db: Db = "sqlite:///jiyu.db") -> None:
    """列出密钥 · list the keys, without what is secret of them."""
    database = _database(db)
    from jiyu.store import keys  # noqa: PLC0415

    with database.read() as connection:
        found = keys.listing(connection)
    database.close()
    for key in found:
        whose = key.scope.agent_id or key.scope.team or "*"
        if key.scope.agent_id and key.scope.team:
            whose = f"{key.scope.team}/{key.scope.agent_id}"
        state = "revoked" if key.revoked_at is not None else "active"
        made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        typer.echo("\t".join((key.key_id, key.role, whose, state, made, key.label)))


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="密钥的编号 · the id of a key.")],
    db: Db = "sqlite:///jiyu.db",
) -> None:
    """停用密钥，数秒内生效 · end a key; servers notice within seconds."""
    database = _database(db)
    from jiyu.gateway.keys import end  # noqa: PLC0415

    with database.begin() as connection:
        ended = end(connection, _ACTOR, key_id)
    database.close()
    if not ended:
        raise InputError(Problem("KEY_ID", None, "no such key, or it has ended before"))


def _database(url: str) -> Database:
    """Open a store.

    Raises:
        InputError: The extra is not installed.
        StoreError: There is none at this URL.
    """
    try:
        from jiyu.store.database import Database  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"{error.name} is missing: pip install 'jiyu[gateway]'"
        raise InputError(Problem("jiyu keys", None, message)) from None
    return Database(url)
