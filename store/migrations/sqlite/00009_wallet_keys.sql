-- +goose Up

-- A wallet is read by its owner with each transfer, twice: without a rowid that is one look-up and not two.
CREATE TABLE wallet_new (
    owner      TEXT   NOT NULL PRIMARY KEY,
    merchant   TEXT   NOT NULL,
    reference  TEXT,
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    number     TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    sandbox    BIGINT NOT NULL,
    currencies TEXT   NOT NULL,
    zone       TEXT   NOT NULL,
    pin_salt   TEXT   NOT NULL,
    pin_hash   TEXT   NOT NULL,
    qr_serial  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO wallet_new SELECT owner, merchant, reference, kind, name, number, email, address, status, sandbox, currencies, zone, pin_salt, pin_hash,
    qr_serial, created_at, updated_at FROM wallet;
DROP TABLE wallet;
ALTER TABLE wallet_new RENAME TO wallet;
CREATE UNIQUE INDEX wallet_reference ON wallet (reference, merchant);
CREATE INDEX wallet_merchant ON wallet (merchant, owner);
CREATE INDEX wallet_pending ON wallet (owner) WHERE status = 'pending';

-- The transfer's id first: ids grow, so that new ones go to the end of the index and not all over it.
CREATE TABLE wallet_transfer_new (
    owner             TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    number            TEXT   NOT NULL,
    door              TEXT   NOT NULL,
    kind              TEXT   NOT NULL,
    merchant          TEXT   NOT NULL,
    receiver          TEXT   NOT NULL,
    receiver_merchant TEXT   NOT NULL,
    invoice           TEXT   NOT NULL,
    amount            BIGINT NOT NULL,
    fee               BIGINT NOT NULL,
    currency          TEXT   NOT NULL,
    note              TEXT   NOT NULL,
    rail              TEXT   NOT NULL,
    rail_reference    TEXT   NOT NULL,
    sender_name       TEXT   NOT NULL,
    sender_number     TEXT   NOT NULL,
    receiver_name     TEXT   NOT NULL,
    receiver_number   TEXT   NOT NULL,
    receiver_kind     TEXT   NOT NULL,
    balance_after     BIGINT NOT NULL,
    by_right          TEXT   NOT NULL,
    actor             TEXT   NOT NULL,
    echo              TEXT   NOT NULL,
    at                BIGINT NOT NULL,
    PRIMARY KEY (id, owner)
);
INSERT INTO wallet_transfer_new SELECT owner, id, number, door, kind, merchant, receiver, receiver_merchant, invoice, amount, fee, currency, note,
    rail, rail_reference, sender_name, sender_number, receiver_name, receiver_number, receiver_kind, balance_after, by_right, actor, echo, at
    FROM wallet_transfer ORDER BY id;
DROP TABLE wallet_transfer;
ALTER TABLE wallet_transfer_new RENAME TO wallet_transfer;
-- The minute comes first in echo: new ones go to the end of the index and not all over it.
CREATE INDEX wallet_transfer_echo ON wallet_transfer (echo, owner) WHERE echo <> '';
CREATE UNIQUE INDEX wallet_transfer_rail ON wallet_transfer (rail_reference, rail, owner) WHERE rail <> '';
