"""Signing on elsewhere: the plant's identity provider, and who its people are here; roles at places; signatures"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("principal", sa.Column("placed_roles", sa.Text(), nullable=False, server_default=""))
    op.add_column("access_policy", sa.Column("signed_acts", sa.String(length=500), nullable=False, server_default=""))
    op.create_table(
        "signature",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("act_sha256", sa.String(length=64), nullable=False),
        sa.Column("meaning", sa.String(length=20), nullable=False),
        sa.Column("signed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("used_at_us", sa.BigInteger(), nullable=True),
        sa.Column("act", sa.String(length=50), nullable=True),
        sa.Column("what", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["principal_pk"], ["principal.pk"], name=op.f("fk_signature_principal_pk_principal")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_signature")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_signature_token_sha256")),
    )
    op.create_table(
        "identity_provider",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("issuer", sa.String(length=2_000), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("person_claim", sa.String(length=100), nullable=False),
        sa.Column("groups_claim", sa.String(length=100), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("makes_people", sa.Boolean(), nullable=False),
        sa.Column("administrators", sa.Boolean(), nullable=False),
        sa.Column("private_addresses", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_identity_provider")),
        sa.UniqueConstraint("id", name=op.f("uq_identity_provider_id")),
    )
    op.create_table(
        "identity_link",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=2_000), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("linked_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_pk"], ["principal.pk"], name=op.f("fk_identity_link_principal_pk_principal")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_identity_link")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identity_link_issuer_subject")),
        sa.UniqueConstraint("principal_pk", "issuer", name=op.f("uq_identity_link_principal_pk_issuer")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
