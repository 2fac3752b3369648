-- +goose Up

-- The ways in which a merchant can pay out. number is the merchant's own count of them, from 1.
CREATE TABLE payout_method (
    owner        TEXT COLLATE "C" NOT NULL,
    number       BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    account_type TEXT COLLATE "C" NOT NULL,
    smallest     BIGINT NOT NULL,
    greatest     BIGINT NOT NULL,
    flat         BIGINT NOT NULL,
    ppm          BIGINT NOT NULL,
    least        BIGINT NOT NULL,
    most         BIGINT NOT NULL,
    rail         TEXT COLLATE "C" NOT NULL,
    disabled     BIGINT NOT NULL,
    PRIMARY KEY (owner, number)
);

-- Money that goes out: payouts, refunds, withdrawals. merchant is whose list it is on; it is the owner but for withdrawals of its wallets.
-- moves are the ids of the last commands that changed it.
CREATE TABLE payout (
    owner             TEXT COLLATE "C" NOT NULL,
    id                TEXT COLLATE "C" NOT NULL,
    kind              TEXT COLLATE "C" NOT NULL,
    merchant          TEXT COLLATE "C" NOT NULL,
    door              TEXT COLLATE "C" NOT NULL,
    number            TEXT COLLATE "C" NOT NULL,
    reference         TEXT COLLATE "C",
    batch             TEXT COLLATE "C" NOT NULL,
    line              BIGINT NOT NULL,
    method            BIGINT NOT NULL,
    method_kind       TEXT COLLATE "C" NOT NULL,
    method_name       TEXT COLLATE "C" NOT NULL,
    rail              TEXT COLLATE "C" NOT NULL,
    amount            BIGINT NOT NULL,
    fee               BIGINT NOT NULL,
    currency          TEXT COLLATE "C" NOT NULL,
    recipient_name    TEXT COLLATE "C" NOT NULL,
    account           TEXT COLLATE "C" NOT NULL,
    destination       TEXT COLLATE "C" NOT NULL,
    description       TEXT COLLATE "C" NOT NULL,
    webhook_url       TEXT COLLATE "C" NOT NULL,
    source            TEXT COLLATE "C" NOT NULL,
    target            TEXT COLLATE "C" NOT NULL,
    subject           TEXT COLLATE "C" NOT NULL,
    payment_reference TEXT COLLATE "C" NOT NULL,
    status            TEXT COLLATE "C" NOT NULL,
    approval          TEXT COLLATE "C" NOT NULL,
    reason            TEXT COLLATE "C" NOT NULL,
    asked_by          TEXT COLLATE "C" NOT NULL,
    decided_by        TEXT COLLATE "C" NOT NULL,
    rail_reference    TEXT COLLATE "C" NOT NULL,
    sheet             TEXT COLLATE "C" NOT NULL,
    changes           BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    sent_at           BIGINT,
    processed_at      BIGINT,
    moves             TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX payout_merchant ON payout (merchant, id);
CREATE UNIQUE INDEX payout_reference ON payout (reference, door, merchant);
CREATE INDEX payout_open ON payout (status, rail, id) WHERE processed_at IS NULL;
CREATE INDEX payout_batch ON payout (batch, line) WHERE batch <> '';
CREATE INDEX payout_sheet ON payout (sheet, id) WHERE sheet <> '';
CREATE INDEX payout_subject ON payout (subject, owner) WHERE subject <> '';
-- Lists, the newest first: a merchant's, and everybody's for operators. Each has to find its page whatever else there is.
CREATE INDEX payout_merchant_status ON payout (merchant, status, id);
CREATE INDEX payout_merchant_kind ON payout (merchant, kind, id);
CREATE INDEX payout_merchant_rail ON payout (merchant, rail, id);
CREATE INDEX payout_merchant_wanted ON payout (merchant, id) WHERE approval = 'wanted' AND processed_at IS NULL;
CREATE INDEX payout_merchant_given ON payout (merchant, id) WHERE approval = 'given';
CREATE INDEX payout_id ON payout (id);
CREATE INDEX payout_status ON payout (status, id);
CREATE INDEX payout_kind ON payout (kind, id);
CREATE INDEX payout_rail ON payout (rail, id);
CREATE INDEX payout_wanted ON payout (id) WHERE approval = 'wanted' AND processed_at IS NULL;
CREATE INDEX payout_given ON payout (id) WHERE approval = 'given';

-- What a worker still has to do: hand a payout to its rail, or ask about it, at due_at. It goes when the payout has come to its end.
CREATE TABLE payout_work (
    owner       TEXT COLLATE "C" NOT NULL,
    payout      TEXT COLLATE "C" NOT NULL,
    merchant    TEXT COLLATE "C" NOT NULL,
    rail        TEXT COLLATE "C" NOT NULL,
    due_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    lease_by    TEXT COLLATE "C" NOT NULL,
    attempts    BIGINT NOT NULL,
    inquiries   BIGINT NOT NULL,
    PRIMARY KEY (owner, payout)
);
CREATE INDEX payout_work_due ON payout_work (rail, due_at);

-- Each time a payout was handed to its rail, or asked about, written down before the call.
CREATE TABLE payout_attempt (
    owner      TEXT COLLATE "C" NOT NULL,
    payout     TEXT COLLATE "C" NOT NULL,
    n          BIGINT NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    node       TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT,
    outcome    TEXT COLLATE "C" NOT NULL,
    reference  TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, payout, n),
    FOREIGN KEY (owner, payout) REFERENCES payout (owner, id)
);
