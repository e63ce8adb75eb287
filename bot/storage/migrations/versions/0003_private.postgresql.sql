-- All tables of revision 0003 for PostgreSQL, as they were then: never to be changed, later migrations come on top.

CREATE TABLE audit (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    seq INTEGER NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    detail JSON NOT NULL,
    prev VARCHAR(64) COLLATE "C" NOT NULL,
    hash VARCHAR(64) COLLATE "C" NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id),
    CONSTRAINT uq_audit_seq UNIQUE (seq)
);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_subject ON audit (subject);

CREATE TABLE audit_anchors (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    seq INTEGER NOT NULL,
    hash VARCHAR(64) COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    up_to BIGINT NOT NULL,
    CONSTRAINT pk_audit_anchors PRIMARY KEY (id),
    CONSTRAINT uq_audit_anchors_seq UNIQUE (seq)
);

CREATE TABLE chats (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    bot_id BIGINT NOT NULL,
    lookup BYTEA NOT NULL,
    person_lookup BYTEA NOT NULL,
    sealed_body BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_chats PRIMARY KEY (id),
    CONSTRAINT uq_chats_bot_id_lookup UNIQUE (bot_id, lookup),
    CONSTRAINT ck_chats_state CHECK (state IN ('open', 'blocked', 'left'))
);
CREATE INDEX ix_chats_person_lookup ON chats (person_lookup);

CREATE TABLE counters (
    name VARCHAR(32) COLLATE "C" NOT NULL,
    value INTEGER NOT NULL,
    CONSTRAINT pk_counters PRIMARY KEY (name)
);

CREATE TABLE programmes (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    timezone TEXT COLLATE "C" NOT NULL,
    languages JSON NOT NULL,
    service_number TEXT COLLATE "C" NOT NULL,
    emergency_number TEXT COLLATE "C" NOT NULL,
    free_text BOOLEAN NOT NULL,
    settings JSON NOT NULL,
    CONSTRAINT pk_programmes PRIMARY KEY (id),
    CONSTRAINT uq_programmes_key UNIQUE (key)
);

CREATE TABLE pulses (
    name VARCHAR(64) COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_pulses PRIMARY KEY (name)
);

CREATE TABLE seen (
    bot_id BIGINT NOT NULL,
    update_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    fault TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_seen PRIMARY KEY (bot_id, update_id)
);
CREATE INDEX ix_seen_at ON seen (at);

CREATE TABLE groups (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    timezone TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_groups PRIMARY KEY (id),
    CONSTRAINT uq_groups_programme_id_key UNIQUE (programme_id, key),
    CONSTRAINT fk_groups_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id)
);

CREATE TABLE ledger (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    chat_id VARCHAR(32) COLLATE "C" NOT NULL,
    message_id BIGINT NOT NULL,
    side TEXT COLLATE "C" NOT NULL,
    slot TEXT COLLATE "C" NOT NULL,
    sensitive BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    gone_at BIGINT,
    kept TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_ledger PRIMARY KEY (id),
    CONSTRAINT ck_ledger_side CHECK (side IN ('bot', 'person')),
    CONSTRAINT fk_ledger_chat_id FOREIGN KEY(chat_id) REFERENCES chats (id)
);
CREATE INDEX ix_ledger_chat_id_message_id ON ledger (chat_id, message_id);
CREATE INDEX ix_ledger_standing ON ledger (chat_id, slot) WHERE gone_at IS NULL;

CREATE TABLE requests (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    done_at BIGINT,
    outcome TEXT COLLATE "C" NOT NULL,
    by TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_requests PRIMARY KEY (id),
    CONSTRAINT ck_requests_kind CHECK (kind IN ('copy', 'erasure', 'correction')),
    CONSTRAINT fk_requests_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id)
);
CREATE INDEX ix_requests_open ON requests (programme_id) WHERE done_at IS NULL;
CREATE INDEX ix_requests_person_id ON requests (person_id);

CREATE TABLE people (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    group_id VARCHAR(32) COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    sealed_body BYTEA NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    timezone TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    open_until BIGINT,
    visit_id VARCHAR(32) COLLATE "C",
    created_at BIGINT,
    left_at BIGINT,
    CONSTRAINT pk_people PRIMARY KEY (id),
    CONSTRAINT ck_people_kind CHECK (kind IN ('participant', 'staff')),
    CONSTRAINT fk_people_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id),
    CONSTRAINT fk_people_group_id FOREIGN KEY(group_id) REFERENCES groups (id)
);
CREATE INDEX ix_people_group_id ON people (group_id);

CREATE TABLE agreements (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    script_version INTEGER NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    sealed_points BYTEA NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_agreements PRIMARY KEY (id),
    CONSTRAINT fk_agreements_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);
CREATE INDEX ix_agreements_person_id ON agreements (person_id);

CREATE TABLE allowances (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    given_by VARCHAR(32) COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_allowances PRIMARY KEY (id),
    CONSTRAINT ck_allowances_what CHECK (what IN ('phone', 'no_headphones')),
    CONSTRAINT fk_allowances_person_id FOREIGN KEY(person_id) REFERENCES people (id),
    CONSTRAINT fk_allowances_given_by FOREIGN KEY(given_by) REFERENCES people (id)
);
CREATE INDEX ix_allowances_person_id_until ON allowances (person_id, until);

CREATE TABLE invitations (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    group_id VARCHAR(32) COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    sealed_alias BYTEA NOT NULL,
    token_lookup BYTEA NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    timezone TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    used_by VARCHAR(32) COLLATE "C",
    revoked_at BIGINT,
    CONSTRAINT pk_invitations PRIMARY KEY (id),
    CONSTRAINT fk_invitations_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id),
    CONSTRAINT fk_invitations_group_id FOREIGN KEY(group_id) REFERENCES groups (id),
    CONSTRAINT uq_invitations_token_lookup UNIQUE (token_lookup),
    CONSTRAINT fk_invitations_used_by FOREIGN KEY(used_by) REFERENCES people (id)
);
CREATE INDEX ix_invitations_programme_id ON invitations (programme_id);

CREATE TABLE person_roles (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    group_id VARCHAR(32) COLLATE "C",
    CONSTRAINT pk_person_roles PRIMARY KEY (id),
    CONSTRAINT fk_person_roles_person_id FOREIGN KEY(person_id) REFERENCES people (id),
    CONSTRAINT fk_person_roles_group_id FOREIGN KEY(group_id) REFERENCES groups (id)
);
CREATE INDEX ix_person_roles_role ON person_roles (role);
CREATE UNIQUE INDEX uq_person_roles_group ON person_roles (person_id, role, group_id);
CREATE UNIQUE INDEX uq_person_roles_wide ON person_roles (person_id, role) WHERE group_id IS NULL;

CREATE TABLE sessions (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    group_id VARCHAR(32) COLLATE "C",
    person_id VARCHAR(32) COLLATE "C",
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    minutes INTEGER NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    sealed_link BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT uq_sessions_programme_id_key UNIQUE (programme_id, key),
    CONSTRAINT ck_sessions_state CHECK (state IN ('planned', 'cancelled')),
    CONSTRAINT fk_sessions_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id),
    CONSTRAINT fk_sessions_group_id FOREIGN KEY(group_id) REFERENCES groups (id),
    CONSTRAINT fk_sessions_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);
CREATE INDEX ix_sessions_group_id_ends_at ON sessions (group_id, ends_at);
CREATE INDEX ix_sessions_person_id_ends_at ON sessions (person_id, ends_at);
CREATE INDEX ix_sessions_starts_at ON sessions (starts_at);

CREATE TABLE shifts (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_shifts PRIMARY KEY (id),
    CONSTRAINT ck_shifts_starts_before_end CHECK (starts_at < ends_at),
    CONSTRAINT fk_shifts_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id),
    CONSTRAINT fk_shifts_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);
CREATE INDEX ix_shifts_programme_id_role_ends_at ON shifts (programme_id, role, ends_at);

CREATE TABLE reminders (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    latest_at BIGINT NOT NULL,
    session_id VARCHAR(32) COLLATE "C",
    person_id VARCHAR(32) COLLATE "C",
    guard INTEGER NOT NULL,
    fate TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    done_at BIGINT,
    CONSTRAINT pk_reminders PRIMARY KEY (id),
    CONSTRAINT ck_reminders_fate CHECK (fate IN ('due', 'sent', 'late', 'skipped', 'withheld', 'failed', 'cancelled')),
    CONSTRAINT uq_reminders_key UNIQUE (key),
    CONSTRAINT fk_reminders_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id),
    CONSTRAINT fk_reminders_session_id FOREIGN KEY(session_id) REFERENCES sessions (id),
    CONSTRAINT fk_reminders_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);
CREATE INDEX ix_reminders_due ON reminders (due_at, id) WHERE fate = 'due';
CREATE INDEX ix_reminders_person_id ON reminders (person_id);
CREATE INDEX ix_reminders_programme_id_due_at ON reminders (programme_id, due_at);
CREATE INDEX ix_reminders_session_id ON reminders (session_id);

CREATE TABLE visits (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    script TEXT COLLATE "C" NOT NULL,
    script_version INTEGER NOT NULL,
    session_id VARCHAR(32) COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    sealed_body BYTEA NOT NULL,
    opened_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    due_at BIGINT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_visits PRIMARY KEY (id),
    CONSTRAINT ck_visits_status CHECK (status IN ('open', 'paused', 'done')),
    CONSTRAINT fk_visits_person_id FOREIGN KEY(person_id) REFERENCES people (id),
    CONSTRAINT fk_visits_session_id FOREIGN KEY(session_id) REFERENCES sessions (id)
);
CREATE INDEX ix_visits_due ON visits (due_at) WHERE status <> 'done';
CREATE INDEX ix_visits_not_done ON visits (script, script_version) WHERE status <> 'done';
CREATE INDEX ix_visits_person_id_opened_at ON visits (person_id, opened_at);
CREATE INDEX ix_visits_session_id ON visits (session_id);

CREATE TABLE answers (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    visit_id VARCHAR(32) COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    session_id VARCHAR(32) COLLATE "C",
    script TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    sealed_body BYTEA NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_answers PRIMARY KEY (id),
    CONSTRAINT uq_answers_visit_id_step_version UNIQUE (visit_id, step, version),
    CONSTRAINT fk_answers_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id),
    CONSTRAINT fk_answers_person_id FOREIGN KEY(person_id) REFERENCES people (id),
    CONSTRAINT fk_answers_session_id FOREIGN KEY(session_id) REFERENCES sessions (id)
);
CREATE INDEX ix_answers_person_id_at ON answers (person_id, at);
CREATE INDEX ix_answers_session_id ON answers (session_id);

CREATE TABLE cases (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    programme_id VARCHAR(32) COLLATE "C" NOT NULL,
    group_id VARCHAR(32) COLLATE "C",
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    session_id VARCHAR(32) COLLATE "C",
    visit_id VARCHAR(32) COLLATE "C",
    urgency TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    sealed_body BYTEA NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_cases PRIMARY KEY (id),
    CONSTRAINT ck_cases_state CHECK (state IN ('open', 'closed')),
    CONSTRAINT uq_cases_number UNIQUE (number),
    CONSTRAINT fk_cases_programme_id FOREIGN KEY(programme_id) REFERENCES programmes (id),
    CONSTRAINT fk_cases_group_id FOREIGN KEY(group_id) REFERENCES groups (id),
    CONSTRAINT fk_cases_person_id FOREIGN KEY(person_id) REFERENCES people (id),
    CONSTRAINT fk_cases_session_id FOREIGN KEY(session_id) REFERENCES sessions (id),
    CONSTRAINT fk_cases_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id)
);
CREATE INDEX ix_cases_open_person ON cases (person_id) WHERE state = 'open';
CREATE INDEX ix_cases_open_programme ON cases (programme_id) WHERE state = 'open';
CREATE INDEX ix_cases_session_id ON cases (session_id);
CREATE INDEX ix_cases_visit_id ON cases (visit_id);

CREATE TABLE readiness (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    session_id VARCHAR(32) COLLATE "C" NOT NULL,
    person_id VARCHAR(32) COLLATE "C" NOT NULL,
    visit_id VARCHAR(32) COLLATE "C" NOT NULL,
    final BOOLEAN NOT NULL,
    sealed_body BYTEA NOT NULL,
    at BIGINT NOT NULL,
    lifted_by VARCHAR(32) COLLATE "C",
    lifted_at BIGINT,
    session_version INTEGER NOT NULL,
    CONSTRAINT pk_readiness PRIMARY KEY (id),
    CONSTRAINT uq_readiness_session_id_person_id UNIQUE (session_id, person_id),
    CONSTRAINT fk_readiness_session_id FOREIGN KEY(session_id) REFERENCES sessions (id),
    CONSTRAINT fk_readiness_person_id FOREIGN KEY(person_id) REFERENCES people (id),
    CONSTRAINT fk_readiness_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id),
    CONSTRAINT fk_readiness_lifted_by FOREIGN KEY(lifted_by) REFERENCES people (id)
);
CREATE INDEX ix_readiness_visit_id ON readiness (visit_id);

CREATE TABLE case_roles (
    id VARCHAR(32) COLLATE "C" NOT NULL,
    case_id VARCHAR(32) COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    rung INTEGER NOT NULL,
    ladder JSON NOT NULL,
    next_target TEXT COLLATE "C",
    next_due_at BIGINT,
    asked JSON NOT NULL,
    taken_by VARCHAR(32) COLLATE "C",
    taken_at BIGINT,
    outcome TEXT COLLATE "C",
    version INTEGER NOT NULL,
    reminded BOOLEAN NOT NULL,
    CONSTRAINT pk_case_roles PRIMARY KEY (id),
    CONSTRAINT uq_case_roles_case_id_role UNIQUE (case_id, role),
    CONSTRAINT ck_case_roles_state CHECK (state IN ('asking', 'taken', 'done')),
    CONSTRAINT ck_case_roles_asking_has_next CHECK (state <> 'asking' OR (next_target IS NOT NULL AND next_due_at IS NOT NULL)),
    CONSTRAINT ck_case_roles_taken_has_next CHECK (state <> 'taken' OR next_due_at IS NOT NULL),
    CONSTRAINT fk_case_roles_case_id FOREIGN KEY(case_id) REFERENCES cases (id),
    CONSTRAINT fk_case_roles_taken_by FOREIGN KEY(taken_by) REFERENCES people (id)
);
CREATE INDEX ix_case_roles_due ON case_roles (next_due_at) WHERE state <> 'done';

CREATE TABLE outbox (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    seal_id VARCHAR(32) COLLATE "C" NOT NULL,
    chat_id VARCHAR(32) COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    slot TEXT COLLATE "C" NOT NULL,
    op TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    sealed_payload BYTEA NOT NULL,
    sensitive BOOLEAN NOT NULL,
    not_after BIGINT,
    fresh BOOLEAN NOT NULL,
    case_id VARCHAR(32) COLLATE "C",
    ref TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at BIGINT,
    ambiguous BOOLEAN NOT NULL,
    way TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT ck_outbox_lane CHECK (lane IN ('alert', 'reply', 'reminder', 'tidy')),
    CONSTRAINT ck_outbox_state CHECK (state IN ('waiting', 'sent', 'failed', 'withheld', 'superseded')),
    CONSTRAINT ck_outbox_way CHECK (way IN ('telegram', 'email')),
    CONSTRAINT fk_outbox_chat_id FOREIGN KEY(chat_id) REFERENCES chats (id),
    CONSTRAINT fk_outbox_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);
CREATE INDEX ix_outbox_case_id ON outbox (case_id);
CREATE INDEX ix_outbox_chat ON outbox (chat_id, id) WHERE state = 'waiting';
CREATE INDEX ix_outbox_due ON outbox (lane, way, due_at, id) WHERE state = 'waiting';

CREATE FUNCTION audit_no_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'integrity_constraint_violation'; RETURN NEW; END $$;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_no_update();

CREATE FUNCTION audit_no_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS (SELECT 1 FROM audit_anchors WHERE seq >= OLD.seq AND up_to > OLD.at) THEN RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_no_delete();

CREATE FUNCTION audit_no_insert_between() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit) OR EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) THEN RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$;
CREATE TRIGGER audit_no_insert_between BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_no_insert_between();

CREATE FUNCTION audit_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE counters SET value = NEW.seq WHERE name = 'audit'; RETURN NEW; END $$;
CREATE TRIGGER audit_count AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_count();

CREATE FUNCTION audit_anchors_true() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash AND at < NEW.up_to) OR NEW.at - NEW.up_to < 31536000000000 THEN RAISE EXCEPTION 'an anchor names an entry of the audit log' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$;
CREATE TRIGGER audit_anchors_true BEFORE INSERT ON audit_anchors FOR EACH ROW EXECUTE FUNCTION audit_anchors_true();

CREATE FUNCTION audit_anchors_no_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an anchor of the audit log stays as it is' USING ERRCODE = 'integrity_constraint_violation'; RETURN NEW; END $$;
CREATE TRIGGER audit_anchors_no_update BEFORE UPDATE ON audit_anchors FOR EACH ROW EXECUTE FUNCTION audit_anchors_no_update();

CREATE FUNCTION audit_anchors_no_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an anchor of the audit log stays as it is' USING ERRCODE = 'integrity_constraint_violation'; RETURN OLD; END $$;
CREATE TRIGGER audit_anchors_no_delete BEFORE DELETE ON audit_anchors FOR EACH ROW EXECUTE FUNCTION audit_anchors_no_delete();

CREATE FUNCTION audit_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'integrity_constraint_violation'; RETURN NEW; END $$;
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate();

CREATE FUNCTION audit_anchors_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an anchor of the audit log stays as it is' USING ERRCODE = 'integrity_constraint_violation'; RETURN NEW; END $$;
CREATE TRIGGER audit_anchors_no_truncate BEFORE TRUNCATE ON audit_anchors FOR EACH STATEMENT EXECUTE FUNCTION audit_anchors_no_truncate();

INSERT INTO counters (name, value) VALUES ('case', 100), ('audit', 0);
