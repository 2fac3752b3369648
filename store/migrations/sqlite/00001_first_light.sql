-- +goose Up

-- Running numbers, leased in blocks; not owner-first on purpose.
CREATE TABLE counter (
    name TEXT   NOT NULL PRIMARY KEY,
    next BIGINT NOT NULL
) WITHOUT ROWID;

-- What must be found without its owner: printed ids, page tokens, API keys. Keyed by the looked-up value.
CREATE TABLE alias (
    value TEXT NOT NULL,
    kind  TEXT NOT NULL,
    owner TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (value, kind)
) WITHOUT ROWID;

-- The answer kept for each Idempotency-Key, written with the change it answers for.
CREATE TABLE idempotency (
    owner     TEXT   NOT NULL,
    door      TEXT   NOT NULL,
    key       TEXT   NOT NULL,
    body_hash TEXT   NOT NULL,
    snapshot  TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (owner, door, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE merchant (
    owner          TEXT   NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL,
    mode           TEXT   NOT NULL,
    currencies     TEXT   NOT NULL,
    settings       TEXT   NOT NULL,
    signing_secret TEXT   NOT NULL,
    created_at     BIGINT NOT NULL
);

CREATE TABLE credential (
    owner       TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    door        TEXT   NOT NULL,
    handle      TEXT   NOT NULL,
    secret_hash TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    label       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    revoked_at  BIGINT,
    PRIMARY KEY (owner, id)
);

CREATE TABLE merchant_fee (
    owner     TEXT   NOT NULL,
    rail      TEXT   NOT NULL,
    currency  TEXT   NOT NULL,
    flat      BIGINT NOT NULL,
    ppm       BIGINT NOT NULL,
    least     BIGINT NOT NULL,
    most      BIGINT NOT NULL,
    PRIMARY KEY (owner, rail, currency)
) WITHOUT ROWID;

-- Every change by a person or a command: who, what, from where, before, after. Append-only.
CREATE TABLE audit_log (
    owner   TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    actor   TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    before  TEXT   NOT NULL,
    after   TEXT   NOT NULL,
    source  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE account (
    owner    TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    currency TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    debits   BIGINT NOT NULL,
    credits  BIGINT NOT NULL,
    held     BIGINT NOT NULL,
    floor    BIGINT,
    seq      BIGINT NOT NULL,
    hold_seq BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID;

CREATE TABLE entry (
    owner           TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    seq             BIGINT NOT NULL,
    transfer        TEXT   NOT NULL,
    side            TEXT   NOT NULL,
    amount          BIGINT NOT NULL,
    counter_owner   TEXT   NOT NULL,
    counter_account TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    balance_after   BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (owner, account, seq)
);
-- The transfer first: ids grow, so that new ones go to the end of the index and not all over it.
CREATE UNIQUE INDEX entry_transfer ON entry (transfer, owner, side);

CREATE TABLE hold (
    owner           TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    counter_owner   TEXT   NOT NULL,
    counter_account TEXT   NOT NULL,
    amount          BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    transfer        TEXT,
    expires_at      BIGINT,
    created_at      BIGINT NOT NULL,
    closed_at       BIGINT,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID;
CREATE INDEX hold_due ON hold (expires_at) WHERE state = 'pending';

-- The journal of holds, as entry is of transfers: only ever inserted, n gapless per account.
CREATE TABLE hold_step (
    owner           TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    n               BIGINT NOT NULL,
    hold            TEXT   NOT NULL,
    step            TEXT   NOT NULL,
    amount          BIGINT NOT NULL,
    counter_owner   TEXT   NOT NULL,
    counter_account TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    transfer        TEXT,
    expires_at      BIGINT,
    held_after      BIGINT NOT NULL,
    entry_seq       BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    PRIMARY KEY (owner, account, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX hold_step_hold ON hold_step (hold, owner, step);

-- Hash chains over entries, hold steps and events. prev is unique, so that two nodes never fork a chain.
CREATE TABLE seal (
    owner     TEXT   NOT NULL,
    chain     TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    prev      BIGINT NOT NULL,
    hash      TEXT   NOT NULL,
    signature TEXT   NOT NULL,
    PRIMARY KEY (owner, chain, seq),
    UNIQUE (owner, chain, prev)
) WITHOUT ROWID;

-- What the last seals of an owner's chains come to, signed: without it, taking away the newest seal of a chain would leave no trace.
CREATE TABLE seal_head (
    owner     TEXT   NOT NULL PRIMARY KEY,
    chains    BIGINT NOT NULL,
    hash      TEXT   NOT NULL,
    signature TEXT   NOT NULL
) WITHOUT ROWID;

-- The public halves of the keys that signed seals; not owner-first on purpose.
CREATE TABLE seal_key (
    public_key TEXT   NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE event_counter (
    owner TEXT   NOT NULL PRIMARY KEY,
    last  BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE event (
    owner   TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    type    TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    door    TEXT   NOT NULL,
    data    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (owner, seq)
);

CREATE TABLE delivery (
    owner       TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    event_seq   BIGINT NOT NULL,
    type        TEXT   NOT NULL,
    door        TEXT   NOT NULL,
    object      TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    lane        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    attempts    BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    lease_by    TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    first_at    BIGINT,
    closed_at   BIGINT,
    PRIMARY KEY (owner, id)
);
CREATE INDEX delivery_due ON delivery (lane, due_at) WHERE state = 'pending';
CREATE INDEX delivery_object ON delivery (object, owner, event_seq) WHERE state = 'pending';

CREATE TABLE delivery_attempt (
    owner      TEXT   NOT NULL,
    delivery   TEXT   NOT NULL,
    n          BIGINT NOT NULL,
    node       TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT,
    status     BIGINT NOT NULL,
    outcome    TEXT   NOT NULL,
    answer     TEXT   NOT NULL,
    PRIMARY KEY (owner, delivery, n)
);

CREATE TABLE invoice (
    owner       TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    door        TEXT   NOT NULL,
    number      TEXT   NOT NULL,
    token       TEXT   NOT NULL,
    reference   TEXT,
    title       TEXT   NOT NULL,
    payer_name  TEXT   NOT NULL,
    amount      BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    paid        BIGINT NOT NULL,
    status      TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    return_url  TEXT   NOT NULL,
    webhook_url TEXT   NOT NULL,
    extra       TEXT   NOT NULL,
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
    owner          TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    invoice        TEXT   NOT NULL,
    rail           TEXT   NOT NULL,
    rail_reference TEXT   NOT NULL,
    amount         BIGINT NOT NULL,
    currency       TEXT   NOT NULL,
    applied        BIGINT NOT NULL,
    unapplied      BIGINT NOT NULL,
    fee            BIGINT NOT NULL,
    status         TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    late           BIGINT NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (owner, id),
    FOREIGN KEY (owner, invoice) REFERENCES invoice (owner, id)
);
CREATE UNIQUE INDEX payment_rail_reference ON payment (rail_reference, rail, owner);
CREATE INDEX payment_invoice ON payment (invoice, owner);
