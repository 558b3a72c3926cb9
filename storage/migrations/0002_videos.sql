-- A clip or an upload, the work on it, and the finished file. Columns that
-- belong to the other kind are null.

CREATE TABLE videos (
    id                    BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 12),
    user_id               BLOB    NOT NULL CHECK (length(user_id) = 12),
    created_at            INTEGER NOT NULL,
    expires_at            INTEGER,

    source_type           TEXT    NOT NULL CHECK (source_type IN ('youtube', 'upload')),

    -- Clips.
    url                   TEXT,
    youtube_video_id      TEXT,
    span_start            REAL,
    span_end              REAL,
    moment_at             INTEGER,
    moment_offset         REAL,
    moment_duration       REAL,
    additional_message    TEXT,
    clip_offset           REAL,
    format_preference     TEXT,
    resolution_preference TEXT,
    available_formats     TEXT,    -- a JSON list

    -- Uploads.
    original_filename     TEXT,
    input_file_path       TEXT,
    input_size_bytes      INTEGER,
    duration              REAL,
    video_codec           TEXT,
    audio_codec           TEXT,
    quality_preset        TEXT,

    -- The work. A record is in the queue while due_at is set; a claim moves it
    -- to the end of the lease.
    status                TEXT    NOT NULL DEFAULT 'pending'
                                  CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    due_at                INTEGER,
    stage                 TEXT    CHECK (stage IN ('fetch', 'trim', 'transcode', 'retain')),
    attempts              INTEGER NOT NULL DEFAULT 0,
    lease_id              BLOB,
    lease_owner           TEXT,
    lease_until           INTEGER,
    cancel_requested      INTEGER NOT NULL DEFAULT 0,
    failure_code          TEXT,
    failure_message       TEXT,
    note                  TEXT,
    started_at            INTEGER,
    completed_at          INTEGER,

    -- The finished file.
    file_path             TEXT,
    file_size_bytes       INTEGER,

    CHECK ((lease_id IS NULL) = (lease_until IS NULL)),
    CHECK (lease_id IS NULL OR due_at IS NOT NULL),
    CHECK (status <> 'completed' OR (file_path IS NOT NULL AND due_at IS NULL))
) STRICT;

CREATE INDEX videos_of_user ON videos (user_id, created_at DESC, id DESC);
CREATE INDEX videos_in_queue ON videos (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX videos_by_expiry ON videos (expires_at, id) WHERE expires_at IS NOT NULL;
