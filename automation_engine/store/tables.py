"""The tables. One schema for SQLite and PostgreSQL; what a comment promises, a constraint enforces.

Instants are seconds since the Unix epoch, UTC, as double precision. Ids are text with the prefix of their kind
(``idx_``, ``conn_``, ``auto_`` …). Enumerations are kept as the words that REST uses.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only for INTEGER PRIMARY KEY
_KEY = String().with_variant(String(collation="C"), "postgresql")  # in order of code points, as SQLite has it anyway

# The conditions of partial indexes. SQLite uses such an index only for a query that repeats its condition word for
# word, without parameters: so the queries take the text from here.
WAITING = text("state IN ('settling', 'ready')")
NOT_IMPORTED = text("state <> 'imported'")
CLAIMABLE = text("state IN ('due', 'leased')")
HELD = text("status = 'held'")
OF_SUBJECT = text("subject IS NOT NULL")


def _json(*, nullable: bool = False) -> Any:
    return Field(default=None if nullable else ..., sa_column=Column(JSON(none_as_null=True), nullable=nullable))


class ApiKey(SQLModel, table=True):
    """A key to the API. Only its SHA-256 is kept: the key itself is shown once."""

    __tablename__: ClassVar[str] = "api_keys"

    key_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    name: str
    key_hash: bytes = Field(sa_column=Column(LargeBinary(32), unique=True, nullable=False))
    key_prefix: str
    scopes: list[str] = _json()
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None


class KeptAnswer(SQLModel, table=True):
    """The answer to a write that came with an Idempotency-Key, sealed, since it may hold a secret.

    The row is written by the transaction of the write itself. ``answer`` is empty only where a call needs several
    transactions and has committed but the first ones.
    """

    __tablename__: ClassVar[str] = "kept_answers"

    owner: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    idempotency_key: str = Field(primary_key=True)
    request_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    answer: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    expires_at: float = Field(index=True)


class MediaIndex(SQLModel, table=True):
    """An index: a media collection of one owner."""

    __tablename__: ClassVar[str] = "indexes"

    index_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    name: str
    description: str | None = None
    sort_order: int | None = None
    is_default: bool = False
    created_at: float


class Deletion(SQLModel, table=True):
    """That an index or a video was deleted. It outlives its subject, so that a repeated DELETE answers the same."""

    __tablename__: ClassVar[str] = "deletions"

    subject_id: str = Field(primary_key=True)
    owner: str
    deleted_at: float


class Connector(SQLModel, table=True):
    """A way to storage. ``settings`` may be shown, ``secrets`` are encrypted and never leave the engine."""

    __tablename__: ClassVar[str] = "connectors"

    connector_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    name: str
    provider: str
    status: str
    scopes: list[str] = _json()
    import_mode: str
    export_base_path: str | None = None
    settings: dict[str, Any] = _json()
    secrets: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: float
    updated_at: float
    last_tested_at: float | None = None
    last_test_result: str | None = None
    last_test_error: str | None = None


class Prompt(SQLModel, table=True):
    """What shall be extracted, and in which shape."""

    __tablename__: ClassVar[str] = "prompts"

    prompt_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    name: str
    description: str
    prompt_text: str
    json_schema: dict[str, Any] = _json()
    video_level: dict[str, Any] | None = _json(nullable=True)
    semantic_indexing: dict[str, Any] = _json()
    is_active: bool = True
    created_at: float
    updated_at: float


class Automation(SQLModel, table=True):
    """An import or export automation: at most one of each kind in an index.

    ``config`` is what was saved, ``preset`` the snapshot of the prompt, ``state`` what the rule engine remembers
    (``automations.import_state``). ``ledger_version`` grows whenever the set of known identities changes. A deleted
    automation keeps its row and its ledger for a re-creation, until somebody wants them forgotten.
    """

    __tablename__: ClassVar[str] = "automations"
    __table_args__ = (
        UniqueConstraint("index_id", "kind"),
        Index(
            "ix_automations_due",
            "next_action_at",
            sqlite_where=text("next_action_at IS NOT NULL"),
            postgresql_where=text("next_action_at IS NOT NULL"),
        ),
    )

    seq: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    automation_id: str = Field(unique=True)
    owner: str = Field(index=True)
    index_id: str
    kind: str
    config: dict[str, Any] = _json()
    preset: dict[str, Any] | None = _json(nullable=True)
    state: dict[str, Any] = _json()
    next_action_at: float | None = None
    revision: int = 1
    ledger_version: int = 0
    created_at: float
    updated_at: float
    deleted_at: float | None = None
    last_fired_at: float | None = None
    last_job_id: str | None = None
    last_run_id: str | None = None
    last_export_id: str | None = None


class Revision(SQLModel, table=True):
    """One saved configuration of an automation: ``config`` and ``preset`` as they were then, and who saved them.

    ``revision`` is ``Automation.revision`` of that time; ``action``: put, pause, resume, restore, delete.
    """

    __tablename__: ClassVar[str] = "revisions"

    automation_seq: int = Field(sa_column=Column(_ROW_ID, primary_key=True))
    revision: int = Field(primary_key=True)
    action: str
    actor: str
    created_at: float
    restored_from: int | None = None
    enabled: bool
    paused: bool
    config: dict[str, Any] = _json()
    preset: dict[str, Any] | None = _json(nullable=True)


class LedgerEntry(SQLModel, table=True):
    """One identity that an automation has met. Compact, since there may be a million of them.

    ``fingerprint`` is the 128-bit hash of *(connector, key, version)*; ``epoch`` the scan that admitted it.
    """

    __tablename__: ClassVar[str] = "ledger"
    __table_args__ = (
        UniqueConstraint("automation_seq", "fingerprint"),
        Index("ix_ledger_key", "automation_seq", "key"),
        Index("ix_ledger_waiting", "automation_seq", "seq", sqlite_where=WAITING, postgresql_where=WAITING),
        # By key for the claim, and covering for the counts: no row is read for them.
        Index(
            "ix_ledger_not_imported",
            "automation_seq",
            "state",
            "key",
            "size",
            sqlite_where=NOT_IMPORTED,
            postgresql_where=NOT_IMPORTED,
        ),
        Index(
            "ix_ledger_batch",
            "batch_id",
            sqlite_where=text("batch_id IS NOT NULL"),
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},  # files of jobs keep the numbers of entries that may have been forgotten
    )

    seq: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    automation_seq: int = Field(sa_column=Column(_ROW_ID, nullable=False))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    key: str = Field(sa_column=Column(_KEY, nullable=False))
    version: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_modified: float
    state: str
    hold: str | None = None
    growing: bool = False
    epoch: int
    first_seen_at: float
    batch_id: str | None = None
    reason: str | None = None


class Scan(SQLModel, table=True):
    """One listing of an automation's prefix. ``outcome``: running, complete, failed, cancelled.

    ``matched`` are watched identities, each counted once, ``listing_hash`` stands for them; ``listed``, ``not_matched``
    and ``excluded`` count lines of the listing. ``standing`` says how many of ``matched`` stood in which state when the
    scan was taken in, for one after which a batch may fire; what fires is moved (see ``certificates``).
    """

    __tablename__: ClassVar[str] = "scans"

    automation_seq: int = Field(sa_column=Column(_ROW_ID, primary_key=True))
    epoch: int = Field(primary_key=True)
    generation: int
    outcome: str
    started_at: float | None = None
    finished_at: float | None = None
    listed: int = 0
    matched: int = 0
    not_matched: int = 0
    excluded: int = 0
    new: int = 0
    listing_hash: str | None = None
    standing: dict[str, int] | None = _json(nullable=True)
    error: str | None = None


class Recording(SQLModel, table=True):
    """What one scan found to have changed below the prefix, to be replayed. ``recordings`` reads ``changes``.

    ``failed``: the first failure in a row. ``arrivals`` are versions of files, whatever the pattern.
    """

    __tablename__: ClassVar[str] = "recordings"

    automation_seq: int = Field(sa_column=Column(_ROW_ID, primary_key=True))
    epoch: int = Field(primary_key=True)
    generation: int
    at: float
    failed: bool
    arrivals: int
    changes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Batch(SQLModel, table=True):
    """One firing, or a part of one that exceeded the cap. ``batch_id`` is the deterministic key.

    ``status``: held, started, rejected. A batch that its fuse holds has members and no job until somebody approves it;
    ``plan`` is what its job is made of, as it was when the batch fired: fields of ``ImportJob``. ``certificate`` shows
    that the batch left nothing out: fields of ``CompletenessCertificate``.
    """

    __tablename__: ClassVar[str] = "batches"
    __table_args__ = (
        Index("ix_batches_automation", "automation_seq", "fired_at"),
        Index("ix_batches_held", "automation_seq", sqlite_where=HELD, postgresql_where=HELD),
    )

    batch_id: str = Field(primary_key=True)
    automation_seq: int = Field(sa_column=Column(_ROW_ID, nullable=False))
    generation: int
    sequence: int
    trigger: str
    fired_at: float
    object_count: int
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str = "started"
    held_reason: str | None = None
    plan: dict[str, Any] | None = _json(nullable=True)
    decided_by: str | None = None
    decided_at: float | None = None
    certificate: dict[str, Any] | None = _json(nullable=True)
    job_id: str | None = Field(default=None, unique=True)


class ImportJob(SQLModel, table=True):
    """Files that are imported together. ``batch_id`` is unique: one batch, one job."""

    __tablename__: ClassVar[str] = "import_jobs"
    __table_args__ = (Index("ix_import_jobs_owner", "owner", "created_at"),)

    job_id: str = Field(primary_key=True)
    owner: str
    index_id: str = Field(index=True)
    connector_id: str
    automation_id: str | None = None
    batch_id: str | None = Field(default=None, unique=True)
    status: str
    source_prefix: str
    file_pattern: str
    recursive: bool
    import_mode: str
    preset: dict[str, Any] | None = _json(nullable=True)
    total_files: int = 0
    imported: int = 0
    failed: int = 0
    skipped: int = 0
    bytes_transferred: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    current_file: str | None = None
    error_message: str | None = None
    execution_status: str
    execution_error_code: str | None = None
    execution_error: str | None = None
    run_id: str | None = None
    created_at: float
    started_at: float | None = None
    completed_at: float | None = None


class ImportFile(SQLModel, table=True):
    """One object of an import job. ``status``: pending, imported, failed, skipped."""

    __tablename__: ClassVar[str] = "import_files"
    __table_args__ = (
        UniqueConstraint("job_id", "ordinal"),
        Index("ix_import_files_pending", "job_id", "status", "next_attempt_at"),
        Index(
            "ix_import_files_ledger",
            "ledger_seq",
            sqlite_where=text("ledger_seq IS NOT NULL"),
            postgresql_where=text("ledger_seq IS NOT NULL"),
        ),
        Index(
            "ix_import_files_video",
            "video_id",
            sqlite_where=text("video_id IS NOT NULL"),
            postgresql_where=text("video_id IS NOT NULL"),
        ),
    )

    file_id: str = Field(primary_key=True)
    job_id: str
    ordinal: int
    ledger_seq: int | None = Field(default=None, sa_column=Column(_ROW_ID, nullable=True))
    key: str
    version: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_modified: float
    status: str
    attempts: int = 0
    next_attempt_at: float = 0.0
    reason_code: str | None = None
    reason: str | None = None
    video_id: str | None = None


class Video(SQLModel, table=True):
    """One imported media object (video, audio or image), pinned to the version of its source that was imported."""

    __tablename__: ClassVar[str] = "videos"
    __table_args__ = (
        Index("ix_videos_index", "index_id", "created_at", "video_id"),
        Index("ix_videos_source", "index_id", "connector_id", "source_key"),
    )

    video_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    index_id: str
    file_id: str = Field(unique=True)
    job_id: str = Field(index=True)
    connector_id: str
    source_key: str
    source_version: str
    source_uri: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    title: str
    status: str
    media_type: str
    facts: dict[str, Any] = _json()
    created_at: float
    updated_at: float


class PromptRun(SQLModel, table=True):
    """A prompt, as it was saved, executed on media. ``run_key`` makes a submission repeatable."""

    __tablename__: ClassVar[str] = "prompt_runs"
    __table_args__ = (
        Index("ix_prompt_runs_owner", "owner", "created_at"),
        Index("ix_prompt_runs_index", "index_id", "created_at", "run_id"),
    )

    run_id: str = Field(primary_key=True)
    run_key: str = Field(unique=True)
    owner: str
    index_id: str | None = None
    prompt_id: str
    preset: dict[str, Any] = _json()
    context: dict[str, Any] = _json()
    executed_by: str
    status: str
    total_items: int = 0
    completed_items: int = 0
    failed_items: int = 0
    total_segments: int = 0
    completed_segments: int = 0
    extraction_failures: int = 0
    media_seconds: float = 0.0
    error_message: str | None = None
    created_at: float
    started_at: float | None = None
    completed_at: float | None = None


class RunItem(SQLModel, table=True):
    """One media object in a run. ``status``: pending, completed, failed, cancelled."""

    __tablename__: ClassVar[str] = "run_items"
    __table_args__ = (Index("ix_run_items_video", "video_id"),)

    run_id: str = Field(primary_key=True)
    video_id: str = Field(primary_key=True)
    ordinal: int
    status: str
    attempts: int = 0
    next_attempt_at: float = 0.0
    total_segments: int = 0
    error: str | None = None
    started_at: float | None = None
    completed_at: float | None = None


class SegmentResult(SQLModel, table=True):
    """What a run found in one segment. The primary key makes writing it twice impossible."""

    __tablename__: ClassVar[str] = "segment_results"

    run_id: str = Field(primary_key=True)
    video_id: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    start_time: float
    end_time: float
    data: dict[str, Any] = _json()
    error: str | None = None
    created_at: float


class VideoResult(SQLModel, table=True):
    """What a run found in one media object as a whole. The primary key makes writing it twice impossible."""

    __tablename__: ClassVar[str] = "video_results"

    run_id: str = Field(primary_key=True)
    video_id: str = Field(primary_key=True)
    data: dict[str, Any] = _json()
    error: str | None = None
    created_at: float


class Export(SQLModel, table=True):
    """A delivery of results. ``export_key`` makes one that an automation starts repeatable."""

    __tablename__: ClassVar[str] = "exports"
    __table_args__ = (
        Index("ix_exports_owner", "owner", "created_at"),
        Index("ix_exports_target", "target_id", "created_at"),
        Index(
            "ix_exports_automation",
            "automation_id",
            "status",
            "completed_at",
            sqlite_where=text("automation_id IS NOT NULL"),
            postgresql_where=text("automation_id IS NOT NULL"),
        ),
    )

    export_id: str = Field(primary_key=True)
    export_key: str = Field(unique=True)
    owner: str
    automation_id: str | None = None
    export_type: str
    target_id: str
    index_id: str | None = None
    prompt_run_ids: list[str] | None = _json(nullable=True)
    destination_type: str
    destination_connector_id: str | None = None
    destination_base_path: str | None = None
    destination_subpath: str | None = None
    status: str
    artifact_uri: str | None = None
    artifact_sha256: str | None = None
    file_size: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    error_message: str | None = None
    last_error: str | None = None
    created_at: float
    updated_at: float
    started_at: float | None = None
    completed_at: float | None = None


class ExportChunk(SQLModel, table=True):
    """A piece of an artifact that is kept for download, at most 1 MiB: whole once its export has completed."""

    __tablename__: ClassVar[str] = "export_chunks"

    export_id: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SpentToken(SQLModel, table=True):
    """A download token that was used. The primary key makes using it twice impossible; kept until it expires anyway."""

    __tablename__: ClassVar[str] = "spent_tokens"

    nonce: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    expires_at: float = Field(index=True)


class Delivery(SQLModel, table=True):
    """A finished run that an export automation delivers, or keeps while it is stopped: once per run and generation."""

    __tablename__: ClassVar[str] = "deliveries"

    automation_seq: int = Field(sa_column=Column(_ROW_ID, primary_key=True))
    run_id: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    export_id: str | None = None
    queued_at: float


class Webhook(SQLModel, table=True):
    """An endpoint that is told of its owner's events. ``secret`` is sealed: the key that bodies are signed with.

    ``index_ids``: None is all of them. ``extra`` is what the API calls ``metadata``. ``failure_count``: deliveries that
    were given up in a row.
    """

    __tablename__: ClassVar[str] = "webhooks"

    webhook_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    name: str
    url: str
    events: list[str] = _json()
    index_ids: list[str] | None = _json(nullable=True)
    extra: dict[str, Any] | None = _json(nullable=True)
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str
    failure_count: int = 0
    last_failure_at: float | None = None
    last_success_at: float | None = None
    created_at: float
    updated_at: float


class WebhookDelivery(SQLModel, table=True):
    """One event on its way to one webhook, written by the transaction in which the event happened.

    ``body`` are the very bytes that are posted. ``subject`` is what a progress event tells of: only the newest matters.
    ``give_up_at``: an attempt that fails is not repeated after it.
    """

    __tablename__: ClassVar[str] = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_webhook", "webhook_id", "created_at", "delivery_id"),
        Index("ix_webhook_deliveries_age", "created_at"),
        Index(
            "ix_webhook_deliveries_subject",
            "webhook_id",
            "subject",
            sqlite_where=OF_SUBJECT,
            postgresql_where=OF_SUBJECT,
        ),
    )

    delivery_id: str = Field(primary_key=True)
    webhook_id: str
    event_type: str
    subject: str | None = None
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str
    attempts: int = 0
    last_attempt_at: float | None = None
    next_retry_at: float | None = None
    give_up_at: float
    response_status_code: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    created_at: float
    completed_at: float | None = None


class Work(SQLModel, table=True):
    """A unit of work. A worker claims it by raising ``attempt``: the number that it got is its fencing token.

    ``state``: due, leased, done, cancelled. No commit of a worker whose token or lease no longer holds succeeds.
    Counted in a row: ``failures``, ``waits`` for a storage that does not answer, and ``silences`` of those who held it:
    their lease ran out, or their process died.
    """

    __tablename__: ClassVar[str] = "work"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_work_due", "state", "due_at", sqlite_where=CLAIMABLE, postgresql_where=CLAIMABLE),
    )

    work_id: str = Field(primary_key=True)
    kind: str
    subject: str
    state: str
    attempt: int = 0
    failures: int = 0
    waits: int = 0
    silences: int = 0
    due_at: float
    leased_until: float | None = None
    created_at: float
