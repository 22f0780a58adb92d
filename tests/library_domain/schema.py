"""What a library's rows look like. Fines are integer cents, dates ``YYYY-MM-DD``."""

from simenv.core.acts import CORE_TABLES
from simenv.core.world import Table

KINDS = ("regular", "student")

TABLES = (
    *CORE_TABLES,
    Table("members", {"member_id": "TEXT", "name": "TEXT", "kind": "TEXT"}, ("member_id",)),
    Table("books", {"book_id": "TEXT", "title": "TEXT"}, ("book_id",), index=("title",)),
    Table(
        "loans",
        {
            "loan_id": "TEXT",
            "member_id": "TEXT",
            "book_id": "TEXT",
            "due_date": "TEXT",
            "renewals": "INTEGER",
            "fine_cents": "INTEGER",
        },
        ("loan_id",),
        index=("member_id",),
    ),
    Table("holds", {"book_id": "TEXT", "member_id": "TEXT", "until": "TEXT"}, ("book_id", "member_id")),
)
