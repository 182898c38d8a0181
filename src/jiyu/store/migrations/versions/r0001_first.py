"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# As they were at this revision, whatever ``tables`` says later.
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "activations",
        sa.Column("activation_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("activated_by", NAME, nullable=False),
        sa.Column("activated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("activation_id", name="pk_activations"),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("finding_id", NAME, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rule", NAME, nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("agent_id", NAME),
        sa.Column("team", NAME),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
        sa.UniqueConstraint(
            "conversation_id",
            "finding_id",
            "type",
            "revision",
            name="uq_alerts_conversation_id_finding_id_type_revision",
        ),
    )
    op.create_index("ix_alerts_agent_id_alert_id", "alerts", ["agent_id", "alert_id"])
    op.create_index("ix_alerts_team_alert_id", "alerts", ["team", "alert_id"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", NAME, nullable=False),
        sa.Column("team", NAME),
        sa.Column("agent_id", NAME),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double()),
        sa.Column("last_used_at", sa.Double()),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_table(
        "assessments",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("policy_digest", NAME, nullable=False),
        sa.Column("policy_name", NAME, nullable=False),
        sa.Column("policy_version", NAME, nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("agent_id", NAME),
        sa.Column("team", NAME),
        sa.Column("channel", NAME),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("assessed_at", sa.Double(), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("grade", NAME),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.Column("codes", NAME, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "policy_digest", name="pk_assessments"),
    )
    op.create_index(
        "ix_assessments_agent", "assessments", ["agent_id", "started_at"], **_where("current")
    )
    op.create_index("ix_assessments_started", "assessments", ["started_at"], **_where("current"))
    op.create_index(
        "ix_assessments_team", "assessments", ["team", "started_at"], **_where("current")
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", ROW_ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("before", sa.String()),
        sa.Column("after", sa.String()),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audit"),
    )
    op.create_index("ix_audit_target_audit_id", "audit", ["target", "audit_id"])
    op.create_table(
        "conversations",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("agent_id", NAME),
        sa.Column("team", NAME),
        sa.Column("channel", NAME),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double()),
        sa.Column("policy_digest", NAME),
        sa.Column("opening", sa.LargeBinary()),
        sa.Column("owner", NAME),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_conversations"),
    )
    op.create_index(
        "ix_conversations_agent_id_started_at", "conversations", ["agent_id", "started_at"]
    )
    op.create_index("ix_conversations_closed_at", "conversations", ["closed_at"])
    op.create_index(
        "ix_conversations_open",
        "conversations",
        ["owner", "opened_at"],
        **_where("closed_at IS NULL"),
    )
    op.create_index(
        "ix_conversations_started_at_conversation_id",
        "conversations",
        ["started_at", "conversation_id"],
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", ROW_ID, nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("answer", sa.String()),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        sa.UniqueConstraint("webhook_id", "alert_id", name="uq_deliveries_webhook_id_alert_id"),
    )
    op.create_index("ix_deliveries_conversation_id", "deliveries", ["conversation_id"])
    op.create_index("ix_deliveries_due", "deliveries", ["due_at"], **_where("state = 'pending'"))
    op.create_table(
        "findings",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("policy_digest", NAME, nullable=False),
        sa.Column("finding_id", NAME, nullable=False),
        sa.Column("rule", NAME, nullable=False),
        sa.Column("category", NAME, nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("speaker", NAME, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("agent_id", NAME),
        sa.Column("team", NAME),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "policy_digest", "finding_id", name="pk_findings"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_findings_agent", "findings", ["agent_id", "started_at"], **_where("current")
    )
    op.create_index("ix_findings_rule", "findings", ["rule", "started_at"], **_where("current"))
    op.create_index("ix_findings_team", "findings", ["team", "started_at"], **_where("current"))
    op.create_table(
        "journal",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("key", NAME),
        sa.Column("stored_at", sa.Double(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name="pk_journal"),
        sa.UniqueConstraint("conversation_id", "key", name="uq_journal_conversation_id_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "owners",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_owners"),
    )
    op.create_table(
        "policies",
        sa.Column("digest", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version", NAME, nullable=False),
        sa.Column("added_by", NAME, nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_policies"),
    )
    op.create_table(
        "policy_files",
        sa.Column("digest", NAME, nullable=False),
        sa.Column("path", NAME, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "path", name="pk_policy_files"),
    )
    op.create_table(
        "rule_sets",
        sa.Column("policy_digest", NAME, nullable=False),
        sa.Column("rules", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("policy_digest", name="pk_rule_sets"),
    )
    op.create_table(
        "sequences",
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sequences"),
    )
    op.create_table(
        "snapshots",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_snapshots"),
    )
    op.create_table(
        "transcripts",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_transcripts"),
    )
    op.create_table(
        "verdicts",
        sa.Column("conversation_id", NAME, nullable=False),
        sa.Column("policy_digest", NAME, nullable=False),
        sa.Column("rule", NAME, nullable=False),
        sa.Column("verdict", NAME, nullable=False),
        sa.Column("deduction", sa.Double(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("agent_id", NAME),
        sa.Column("team", NAME),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "policy_digest", "rule", name="pk_verdicts"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_verdicts_agent", "verdicts", ["agent_id", "started_at"], **_where("current")
    )
    op.create_index("ix_verdicts_rule", "verdicts", ["rule", "started_at"], **_where("current"))
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", ROW_ID, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("team", NAME),
        sa.Column("agent_id", NAME),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("disabled_at", sa.Double()),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_webhooks"),
    )


def downgrade() -> None:
    """Drop all tables."""
    op.drop_table("webhooks")
    op.drop_table("verdicts")
    op.drop_table("transcripts")
    op.drop_table("snapshots")
    op.drop_table("sequences")
    op.drop_table("rule_sets")
    op.drop_table("policy_files")
    op.drop_table("policies")
    op.drop_table("owners")
    op.drop_table("journal")
    op.drop_table("findings")
    op.drop_table("deliveries")
    op.drop_table("conversations")
    op.drop_table("audit")
    op.drop_table("assessments")
    op.drop_table("api_keys")
    op.drop_table("alerts")
    op.drop_table("activations")
