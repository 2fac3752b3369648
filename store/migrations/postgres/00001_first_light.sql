-- +goose Up

-- Running numbers, leased in blocks; not owner-first on purpose.
CREATE TABLE counter (
    name TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    next BIGINT NOT NULL
);

-- What must be found without its owner: printed ids, page tokens, API keys. Keyed by the looked-up value.
CREATE TABLE alias (
    value TEXT COLLATE "C" NOT NULL,
    kind  TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    id    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (value, kind)
);

-- The answer kept for each Idempotency-Key, written with the change it answers for.
CREATE TABLE idempotency (
    owner     TEXT COLLATE "C"   NOT NULL,
    door      TEXT COLLATE "C"   NOT NULL,
    key       TEXT COLLATE "C"   NOT NULL,
    body_hash TEXT COLLATE "C"   NOT NULL,
    snapshot  TEXT COLLATE "C"   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (owner, door, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE merchant (
    owner          TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    name           TEXT COLLATE "C"   NOT NULL,
    mode           TEXT COLLATE "C"   NOT NULL,
    currencies     TEXT COLLATE "C"   NOT NULL,
    settings       TEXT COLLATE "C"   NOT NULL,
    signing_secret TEXT COLLATE "C"   NOT NULL,
    created_at     BIGINT NOT NULL
);

CREATE TABLE credential (
    owner       TEXT COLLATE "C"   NOT NULL,
    id          TEXT COLLATE "C"   NOT NULL,
    door        TEXT COLLATE "C"   NOT NULL,
    handle      TEXT COLLATE "C"   NOT NULL,
    secret_hash TEXT COLLATE "C"   NOT NULL,
    role        TEXT COLLATE "C"   NOT NULL,
    label       TEXT COLLATE "C"   NOT NULL,
    created_at  BIGINT NOT NULL,
    revoked_at  BIGINT,
    PRIMARY KEY (owner, id)
);

CREATE TABLE merchant_fee (
    owner     TEXT COLLATE "C"   NOT NULL,
    rail      TEXT COLLATE "C"   NOT NULL,
    currency  TEXT COLLATE "C"   NOT NULL,
    flat      BIGINT NOT NULL,
    ppm       BIGINT NOT NULL,
    least     BIGINT NOT NULL,
    most      BIGINT NOT NULL,
    PRIMARY KEY (owner, rail, currency)
);

-- Every change by a person or a command: who, what, from where, before, after. Append-only.
CREATE TABLE audit_log (
    owner   TEXT COLLATE "C"   NOT NULL,
    id      TEXT COLLATE "C"   NOT NULL,
    actor   TEXT COLLATE "C"   NOT NULL,
    action  TEXT COLLATE "C"   NOT NULL,
    subject TEXT COLLATE "C"   NOT NULL,
    before  TEXT COLLATE "C"   NOT NULL,
    after   TEXT COLLATE "C"   NOT NULL,
    source  TEXT COLLATE "C"   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE account (
    owner    TEXT COLLATE "C"   NOT NULL,
    id       TEXT COLLATE "C"   NOT NULL,
    currency TEXT COLLATE "C"   NOT NULL,
    kind     TEXT COLLATE "C"   NOT NULL,
    debits   BIGINT NOT NULL,
    credits  BIGINT NOT NULL,
    held     BIGINT NOT NULL,
    floor    BIGINT,
    seq      BIGINT NOT NULL,
    hold_seq BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE entry (
    owner           TEXT COLLATE "C"   NOT NULL,
    account         TEXT COLLATE "C"   NOT NULL,
    seq             BIGINT NOT NULL,
    transfer        TEXT COLLATE "C"   NOT NULL,
    side            TEXT COLLATE "C"   NOT NULL,
    amount          BIGINT NOT NULL,
    counter_owner   TEXT COLLATE "C"   NOT NULL,
    counter_account TEXT COLLATE "C"   NOT NULL,
    kind            TEXT COLLATE "C"   NOT NULL,
    subject         TEXT COLLATE "C"   NOT NULL,
    balance_after   BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (owner, account, seq)
);
-- The transfer first: ids grow, so that new ones go to the end of the index and not all over it.
CREATE UNIQUE INDEX entry_transfer ON entry (transfer, owner, side);

CREATE TABLE hold (
    owner           TEXT COLLATE "C"   NOT NULL,
    id              TEXT COLLATE "C"   NOT NULL,
    account         TEXT COLLATE "C"   NOT NULL,
    counter_owner   TEXT COLLATE "C"   NOT NULL,
    counter_account TEXT COLLATE "C"   NOT NULL,
    amount          BIGINT NOT NULL,
    state           TEXT COLLATE "C"   NOT NULL,
    kind            TEXT COLLATE "C"   NOT NULL,
    subject         TEXT COLLATE "C"   NOT NULL,
    transfer        TEXT COLLATE "C",
    expires_at      BIGINT,
    created_at      BIGINT NOT NULL,
    closed_at       BIGINT,
    PRIMARY KEY (owner, id)
);
CREATE INDEX hold_due ON hold (expires_at) WHERE state = 'pending';

-- The journal of holds, as entry is of transfers: only ever inserted, n gapless per account.
CREATE TABLE hold_step (
    owner           TEXT COLLATE "C"   NOT NULL,
    account         TEXT COLLATE "C"   NOT NULL,
    n               BIGINT NOT NULL,
    hold            TEXT COLLATE "C"   NOT NULL,
    step            TEXT COLLATE "C"   NOT NULL,
    amount          BIGINT NOT NULL,
    counter_owner   TEXT COLLATE "C"   NOT NULL,
    counter_account TEXT COLLATE "C"   NOT NULL,
    kind            TEXT COLLATE "C"   NOT NULL,
    subject         TEXT COLLATE "C"   NOT NULL,
    transfer        TEXT COLLATE "C",
    expires_at      BIGINT,
    held_after      BIGINT NOT NULL,
    entry_seq       BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (owner, account, n)
);
CREATE UNIQUE INDEX hold_step_hold ON hold_step (hold, owner, step);

-- Hash chains over entries, hold steps and events. prev is unique, so that two nodes never fork a chain.
CREATE TABLE seal (
    owner     TEXT COLLATE "C"   NOT NULL,
    chain     TEXT COLLATE "C"   NOT NULL,
    seq       BIGINT NOT NULL,
    prev      BIGINT NOT NULL,
    hash      TEXT COLLATE "C"   NOT NULL,
    signature TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (owner, chain, seq),
    UNIQUE (owner, chain, prev)
);

-- What the last seals of an owner's chains come to, signed: without it, taking away the newest seal of a chain would leave no trace.
CREATE TABLE seal_head (
    owner     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    chains    BIGINT NOT NULL,
    hash      TEXT COLLATE "C" NOT NULL,
    signature TEXT COLLATE "C" NOT NULL
);

-- The public halves of the keys that signed seals; not owner-first on purpose.
CREATE TABLE seal_key (
    public_key TEXT COLLATE "C"   NOT NULL PRIMARY KEY
);

CREATE TABLE event_counter (
    owner TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    last  BIGINT NOT NULL
);

CREATE TABLE event (
    owner   TEXT COLLATE "C"   NOT NULL,
    seq     BIGINT NOT NULL,
    type    TEXT COLLATE "C"   NOT NULL,
    kind    TEXT COLLATE "C"   NOT NULL,
    subject TEXT COLLATE "C"   NOT NULL,
    door    TEXT COLLATE "C"   NOT NULL,
    data    TEXT COLLATE "C"   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (owner, seq)
);

CREATE TABLE delivery (
    owner       TEXT COLLATE "C"   NOT NULL,
    id          TEXT COLLATE "C"   NOT NULL,
    event_seq   BIGINT NOT NULL,
    type        TEXT COLLATE "C"   NOT NULL,
    door        TEXT COLLATE "C"   NOT NULL,
    object      TEXT COLLATE "C"   NOT NULL,
    url         TEXT COLLATE "C"   NOT NULL,
    lane        TEXT COLLATE "C"   NOT NULL,
    state       TEXT COLLATE "C"   NOT NULL,
    attempts    BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    lease_by    TEXT COLLATE "C"   NOT NULL,
    created_at  BIGINT NOT NULL,
    first_at    BIGINT,
    closed_at   BIGINT,
    PRIMARY KEY (owner, id)
);
CREATE INDEX delivery_due ON delivery (lane, due_at) WHERE state = 'pending';
CREATE INDEX delivery_object ON delivery (object, owner, event_seq) WHERE state = 'pending';

CREATE TABLE delivery_attempt (
    owner      TEXT COLLATE "C"   NOT NULL,
    delivery   TEXT COLLATE "C"   NOT NULL,
    n          BIGINT NOT NULL,
    node       TEXT COLLATE "C"   NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT,
    status     BIGINT NOT NULL,
    outcome    TEXT COLLATE "C"   NOT NULL,
    answer     TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (owner, delivery, n)
);

CREATE TABLE invoice (
    owner       TEXT COLLATE "C"   NOT NULL,
    id          TEXT COLLATE "C"   NOT NULL,
    door        TEXT COLLATE "C"   NOT NULL,
    number      TEXT COLLATE "C"   NOT NULL,
    token       TEXT COLLATE "C"   NOT NULL,
    reference   TEXT COLLATE "C",
    title       TEXT COLLATE "C"   NOT NULL,
    payer_name  TEXT COLLATE "C"   NOT NULL,
    amount      BIGINT NOT NULL,
    currency    TEXT COLLATE "C"   NOT NULL,
    paid        BIGINT NOT NULL,
    status      TEXT COLLATE "C"   NOT NULL,
    reason      TEXT COLLATE "C"   NOT NULL,
    return_url  TEXT COLLATE "C"   NOT NULL,
    webhook_url TEXT COLLATE "C"   NOT NULL,
    extra       TEXT COLLATE "C"   NOT NULL,
    changes     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    paid_at     BIGINT,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX invoice_reference ON invoice (reference, door, owner);
CREATE INDEX invoice_due ON invoice (expires_at) WHERE status = 'open';

CREATE TABLE payment (
    owner          TEXT COLLATE "C"   NOT NULL,
    id             TEXT COLLATE "C"   NOT NULL,
    invoice        TEXT COLLATE "C"   NOT NULL,
    rail           TEXT COLLATE "C"   NOT NULL,
    rail_reference TEXT COLLATE "C"   NOT NULL,
    amount         BIGINT NOT NULL,
    currency       TEXT COLLATE "C"   NOT NULL,
    applied        BIGINT NOT NULL,
    unapplied      BIGINT NOT NULL,
    fee            BIGINT NOT NULL,
    status         TEXT COLLATE "C"   NOT NULL,
    reason         TEXT COLLATE "C"   NOT NULL,
    late           BIGINT NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (owner, id),
    FOREIGN KEY (owner, invoice) REFERENCES invoice (owner, id)
);
CREATE UNIQUE INDEX payment_rail_reference ON payment (rail_reference, rail, owner);
CREATE INDEX payment_invoice ON payment (invoice, owner);

-- Several keys of these tables begin with the owner. Where most owners have a row or two, an analysis would have the planner think that the
-- owner alone says which row is meant, and one owner's millions would be walked over for each of its payments.
ALTER TABLE entry ALTER COLUMN owner SET (n_distinct = 100);
ALTER TABLE hold_step ALTER COLUMN owner SET (n_distinct = 100);
ALTER TABLE invoice ALTER COLUMN owner SET (n_distinct = 100);
ALTER TABLE payment ALTER COLUMN owner SET (n_distinct = 100);
