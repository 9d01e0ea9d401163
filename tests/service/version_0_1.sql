BEGIN TRANSACTION;
CREATE TABLE application_versions (
    version_id TEXT NOT NULL PRIMARY KEY,
    version_name TEXT NOT NULL UNIQUE,
    version_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL);
CREATE TABLE comparisons (
	id VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	cancelling BOOLEAN NOT NULL, 
	revision INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	options JSON NOT NULL, 
	progress JSON NOT NULL, 
	error JSON, 
	created_at VARCHAR NOT NULL, 
	started_at VARCHAR, 
	finished_at VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(task) REFERENCES tasks (id) ON DELETE CASCADE
);
INSERT INTO "comparisons" VALUES('01a21be5e8093ca3577efe','01a21be5e7fc4694b7fc68','queued',0,1,0,'{"strategies": null, "limit": null, "train_limit": null, "seed": 7, "race": false, "probes": true, "accept_cost_usd": null}','{}',NULL,'2026-11-27T07:26:21.705+00:00',NULL,NULL);
CREATE TABLE dbos_migrations (version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO "dbos_migrations" VALUES(125);
CREATE TABLE forecasts (
	id VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	cancelling BOOLEAN NOT NULL, 
	revision INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	options JSON NOT NULL, 
	progress JSON NOT NULL, 
	error JSON, 
	created_at VARCHAR NOT NULL, 
	started_at VARCHAR, 
	finished_at VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(task) REFERENCES tasks (id) ON DELETE CASCADE
);
INSERT INTO "forecasts" VALUES('01a21be5e8a27073703e6b','01a21be5e7fc4694b7fc68','queued',0,1,0,'{"strategies": null, "limit": null, "train_limit": null, "seed": 0, "confidence": 0.9, "budget_seconds": null, "budget_usd": null, "accept_cost_usd": null}','{}',NULL,'2026-11-27T07:26:21.858+00:00',NULL,NULL);
CREATE TABLE notifications (
    message_uuid TEXT NOT NULL DEFAULT (hex(randomblob(16))) PRIMARY KEY,
    destination_uuid TEXT NOT NULL,
    topic TEXT,
    message TEXT NOT NULL,
    created_at_epoch_ms INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000), "serialization" TEXT DEFAULT NULL, "consumed" BOOLEAN NOT NULL DEFAULT FALSE, consumed_by_function_id INTEGER,
    FOREIGN KEY (destination_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE "operation_outputs" (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    function_name TEXT NOT NULL DEFAULT '',
    output TEXT,
    error TEXT,
    child_workflow_id TEXT,
    started_at_epoch_ms INTEGER,
    completed_at_epoch_ms INTEGER,
    serialization TEXT,
    application_name TEXT DEFAULT NULL,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    PRIMARY KEY (workflow_uuid, function_id)
);
CREATE TABLE queues (
    queue_id TEXT PRIMARY KEY DEFAULT (hex(randomblob(16))),
    name TEXT NOT NULL UNIQUE,
    concurrency INTEGER,
    worker_concurrency INTEGER,
    rate_limit_max INTEGER,
    rate_limit_period_sec REAL,
    priority_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    partition_queue BOOLEAN NOT NULL DEFAULT FALSE,
    polling_interval_sec REAL NOT NULL DEFAULT 1.0,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL, "partition_concurrency" INTEGER DEFAULT NULL, "partition_worker_concurrency" INTEGER DEFAULT NULL, "partition_rate_limit_max" INTEGER DEFAULT NULL, "partition_rate_limit_period_sec" REAL DEFAULT NULL);
CREATE TABLE replies (
	"key" VARCHAR NOT NULL, 
	operation VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	status INTEGER NOT NULL, 
	body JSON NOT NULL, 
	created_at VARCHAR NOT NULL, 
	PRIMARY KEY ("key", operation)
);
INSERT INTO "replies" VALUES('kept','POST /api/v1/tasks','919a585faa11c03aa037e0e1901abfb1859df14ce54d2f7697bf94e656db398e',201,'{"body": {"name": "2 steps", "kind": "classification", "metric": "accuracy", "models": ["smollm2-135m-q4"], "strategies": null, "labels": ["billing", "other"], "n_examples": 12, "n_documents": 0, "id": "01a21be5e7fc4694b7fc68", "created_at": "2026-11-27T07:26:21.692+00:00"}, "location": "/api/v1/tasks/01a21be5e7fc4694b7fc68"}','2026-11-27T07:26:21.693+00:00');
INSERT INTO "replies" VALUES('kept','POST /api/v1/tasks/01a21be5e7fc4694b7fc68/comparisons','beced1fe696351bb996169a4f1987ca19b5f52f37c7ef3071f9c044cf3580bfc',202,'{"body": {"id": "01a21be5e8093ca3577efe", "task": "01a21be5e7fc4694b7fc68", "state": "queued", "cancelling": false, "progress": {"fraction": 0.0, "total": 0, "message": "", "strategies": []}, "options": {"strategies": null, "limit": null, "train_limit": null, "seed": 7, "race": false, "probes": true, "accept_cost_usd": null}, "error": null, "created_at": "2026-11-27T07:26:21.705+00:00", "started_at": null, "finished_at": null, "links": {"self": "/api/v1/comparisons/01a21be5e8093ca3577efe", "task": "/api/v1/tasks/01a21be5e7fc4694b7fc68", "events": "/api/v1/comparisons/01a21be5e8093ca3577efe/events"}}, "location": "/api/v1/comparisons/01a21be5e8093ca3577efe"}','2026-11-27T07:26:21.710+00:00');
INSERT INTO "replies" VALUES('kept','POST /api/v1/tasks/01a21be5e7fc4694b7fc68/forecasts','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',202,'{"body": {"id": "01a21be5e8a27073703e6b", "task": "01a21be5e7fc4694b7fc68", "state": "queued", "cancelling": false, "progress": {"fraction": 0.0, "message": ""}, "options": {"strategies": null, "limit": null, "train_limit": null, "seed": 0, "confidence": 0.9, "budget_seconds": null, "budget_usd": null, "accept_cost_usd": null}, "error": null, "forecast": null, "created_at": "2026-11-27T07:26:21.858+00:00", "started_at": null, "finished_at": null, "links": {"self": "/api/v1/forecasts/01a21be5e8a27073703e6b", "task": "/api/v1/tasks/01a21be5e7fc4694b7fc68"}}, "location": "/api/v1/forecasts/01a21be5e8a27073703e6b"}','2026-11-27T07:26:21.860+00:00');
CREATE TABLE streams (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    "offset" INTEGER NOT NULL, function_id INTEGER NOT NULL DEFAULT 0, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key, "offset"),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE tasks (
	id VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, 
	facts JSON NOT NULL, 
	spec JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tasks" VALUES('01a21be5e7fc4694b7fc68','2026-11-27T07:26:21.692+00:00','{"name": "2 steps", "kind": "classification", "metric": "accuracy", "models": ["smollm2-135m-q4"], "strategies": null, "labels": ["billing", "other"], "n_examples": 12, "n_documents": 0}','{"name": "2 steps", "kind": "classification", "instruction": "Classify the customer''s mail into exactly one category.", "examples": [{"id": "0", "input": "mail number 0", "output": "billing"}, {"id": "1", "input": "mail number 1", "output": "other"}, {"id": "2", "input": "mail number 2", "output": "billing"}, {"id": "3", "input": "mail number 3", "output": "other"}, {"id": "4", "input": "mail number 4", "output": "billing"}, {"id": "5", "input": "mail number 5", "output": "other"}, {"id": "6", "input": "mail number 6", "output": "billing"}, {"id": "7", "input": "mail number 7", "output": "other"}, {"id": "8", "input": "mail number 8", "output": "billing"}, {"id": "9", "input": "mail number 9", "output": "other"}, {"id": "10", "input": "mail number 10", "output": "billing"}, {"id": "11", "input": "mail number 11", "output": "other"}]}');
CREATE TABLE workers (
	name VARCHAR NOT NULL, 
	beat DOUBLE NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE workflow_events (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events_history (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, function_id, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_input (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    inputs TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
INSERT INTO "workflow_input" VALUES('01a21be5e8093ca3577efe','{"namedArgs":{},"positionalArgs":["01a21be5e8093ca3577efe"]}',1795764381000);
INSERT INTO "workflow_input" VALUES('01a21be5e8a27073703e6b','{"namedArgs":{},"positionalArgs":["01a21be5e8a27073703e6b"]}',1795764381000);
CREATE TABLE workflow_output (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    output TEXT,
    error TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
CREATE TABLE workflow_schedules (
    schedule_id TEXT PRIMARY KEY,
    schedule_name TEXT NOT NULL UNIQUE,
    workflow_name TEXT NOT NULL,
    workflow_class_name TEXT,
    schedule TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'ACTIVE',
    context TEXT NOT NULL
, "last_fired_at" TEXT DEFAULT NULL, "automatic_backfill" BOOLEAN NOT NULL DEFAULT FALSE, "cron_timezone" TEXT DEFAULT NULL, "queue_name" TEXT DEFAULT NULL, "application_name" TEXT DEFAULT NULL);
CREATE TABLE workflow_status (
    workflow_uuid TEXT PRIMARY KEY,
    status TEXT,
    name TEXT,
    authenticated_user TEXT,
    assumed_role TEXT,
    authenticated_roles TEXT,
    request TEXT,
    output TEXT,
    error TEXT,
    executor_id TEXT,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    application_version TEXT,
    application_id TEXT,
    class_name TEXT DEFAULT NULL,
    config_name TEXT DEFAULT NULL,
    recovery_attempts INTEGER DEFAULT 0,
    queue_name TEXT,
    workflow_timeout_ms INTEGER,
    workflow_deadline_epoch_ms INTEGER,
    inputs TEXT,
    started_at_epoch_ms INTEGER,
    deduplication_id TEXT,
    priority INTEGER NOT NULL DEFAULT 0
, queue_partition_key TEXT, forked_from TEXT, "owner_xid" TEXT DEFAULT NULL, "parent_workflow_id" TEXT DEFAULT NULL, "serialization" TEXT DEFAULT NULL, "delay_until_epoch_ms" BIGINT DEFAULT NULL, "was_forked_from" BOOLEAN NOT NULL DEFAULT FALSE, "rate_limited" BOOLEAN NOT NULL DEFAULT FALSE, "completed_at" BIGINT, "attributes" TEXT, "schedule_name" TEXT, "debounce_deadline_epoch_ms" BIGINT DEFAULT NULL, "is_debounced" BOOLEAN NOT NULL DEFAULT FALSE, "application_name" TEXT DEFAULT NULL, "creator_xid" TEXT DEFAULT NULL);
INSERT INTO "workflow_status" VALUES('01a21be5e8093ca3577efe','ENQUEUED','compare',NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795764381000,1795764381000,'1',NULL,NULL,NULL,0,'comparisons',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'portable_json',NULL,0,0,NULL,'null',NULL,NULL,0,'tuneworth','ddd26e1c-eb00-416e-a4f4-b4690223b801');
INSERT INTO "workflow_status" VALUES('01a21be5e8a27073703e6b','ENQUEUED','forecast',NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795764381000,1795764381000,'1',NULL,NULL,NULL,0,'comparisons',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'portable_json',NULL,0,0,NULL,'null',NULL,NULL,0,'tuneworth','e62ada61-890a-4c4d-bd6f-ace8f28f634e');
CREATE INDEX ix_comparisons_task ON comparisons (task);
CREATE INDEX ix_comparisons_state ON comparisons (state);
CREATE INDEX ix_forecasts_state ON forecasts (state);
CREATE INDEX ix_forecasts_task ON forecasts (task);
CREATE INDEX workflow_status_created_at_index ON workflow_status (created_at);
CREATE INDEX idx_workflow_topic ON notifications (destination_uuid, topic);
CREATE INDEX "idx_workflow_status_delayed" ON "workflow_status" ("delay_until_epoch_ms") WHERE status = 'DELAYED';
CREATE INDEX "idx_workflow_status_forked_from" ON "workflow_status" ("forked_from") WHERE "forked_from" IS NOT NULL;
CREATE INDEX "idx_workflow_status_parent_workflow_id" ON "workflow_status" ("parent_workflow_id") WHERE "parent_workflow_id" IS NOT NULL;
CREATE UNIQUE INDEX "uq_workflow_status_dedup_id" ON "workflow_status" ("queue_name", "deduplication_id") WHERE "deduplication_id" IS NOT NULL;
CREATE INDEX "idx_workflow_status_pending" ON "workflow_status" ("created_at") WHERE "status" = 'PENDING';
CREATE INDEX "idx_workflow_status_failed" ON "workflow_status" ("status", "created_at") WHERE "status" IN ('ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED');
CREATE INDEX "idx_workflow_status_rate_limited" ON "workflow_status" ("queue_name", "started_at_epoch_ms") WHERE "rate_limited" = TRUE;
CREATE INDEX "idx_workflow_status_completed_at" ON "workflow_status" ("completed_at") WHERE "completed_at" IS NOT NULL;
CREATE INDEX "idx_workflow_status_started_at" ON "workflow_status" ("started_at_epoch_ms") WHERE "started_at_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_workflow_status_schedule_name" ON "workflow_status" ("schedule_name") WHERE "schedule_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_owner_version"
    ON application_versions ("application_name", "version_name")
    WHERE "application_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_unclaimed_version"
    ON application_versions ("version_name")
    WHERE "application_name" IS NULL;
CREATE INDEX idx_workflow_input_retention
    ON workflow_input (retention_timestamp);
CREATE INDEX idx_workflow_output_retention
    ON workflow_output (retention_timestamp);
CREATE INDEX idx_operation_outputs_retention
    ON operation_outputs (retention_timestamp);
CREATE INDEX "idx_workflow_status_in_flight_v2" ON "workflow_status" ("queue_name", "status", "priority", "created_at", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING');
CREATE INDEX "idx_workflow_status_partition_dequeue_v3" ON "workflow_status" ("queue_name", "status", "queue_partition_key", "priority", "created_at", "workflow_uuid", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING') AND "queue_partition_key" IS NOT NULL;
CREATE INDEX "idx_operation_outputs_completed_at_function_name_v2" ON "operation_outputs" ("completed_at_epoch_ms", "function_name", "application_name");
CREATE INDEX "idx_workflow_status_deadline" ON "workflow_status" ("workflow_deadline_epoch_ms") WHERE "status" IN ('ENQUEUED', 'PENDING', 'DELAYED') AND "workflow_deadline_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_application_versions_timestamp" ON "application_versions" ("version_timestamp" DESC);
CREATE INDEX "idx_application_versions_owner_timestamp" ON "application_versions" ("application_name", "version_timestamp" DESC);
COMMIT;
