-- +goose Up

-- Who has money here. Its owner is the wallet's id; merchant is the one that made it or that it is linked to, '' for none.
CREATE TABLE wallet (
    owner      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    merchant   TEXT COLLATE "C" NOT NULL,
    reference  TEXT COLLATE "C",
    kind       TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    number     TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    status     TEXT COLLATE "C" NOT NULL,
    sandbox    BIGINT NOT NULL,
    currencies TEXT COLLATE "C" NOT NULL,
    zone       TEXT COLLATE "C" NOT NULL,
    pin_salt   TEXT COLLATE "C" NOT NULL,
    pin_hash   TEXT COLLATE "C" NOT NULL,
    qr_serial  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX wallet_reference ON wallet (reference, merchant);
CREATE INDEX wallet_merchant ON wallet (merchant, owner);
CREATE INDEX wallet_pending ON wallet (owner) WHERE status = 'pending';

-- What each spending changes; locked while one is decided.
CREATE TABLE wallet_state (
    owner            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    pin_failures     BIGINT NOT NULL,
    pin_locked_until BIGINT NOT NULL,
    used             TEXT COLLATE "C" NOT NULL
);

-- Fees and limits that differ from the built-in ones; owner is a wallet's, or the house's for everybody.
CREATE TABLE wallet_rule (
    owner    TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    movement TEXT COLLATE "C" NOT NULL,
    flat     BIGINT NOT NULL,
    ppm      BIGINT NOT NULL,
    least    BIGINT NOT NULL,
    most     BIGINT NOT NULL,
    smallest BIGINT NOT NULL,
    greatest BIGINT NOT NULL,
    daily    BIGINT NOT NULL,
    monthly  BIGINT NOT NULL,
    PRIMARY KEY (owner, currency, movement)
);

-- What left or reached a wallet. echo finds an identical one of the last minute; '' where none is looked for.
CREATE TABLE wallet_transfer (
    owner             TEXT COLLATE "C" NOT NULL,
    id                TEXT COLLATE "C" NOT NULL,
    number            TEXT COLLATE "C" NOT NULL,
    door              TEXT COLLATE "C" NOT NULL,
    kind              TEXT COLLATE "C" NOT NULL,
    merchant          TEXT COLLATE "C" NOT NULL,
    receiver          TEXT COLLATE "C" NOT NULL,
    receiver_merchant TEXT COLLATE "C" NOT NULL,
    invoice           TEXT COLLATE "C" NOT NULL,
    amount            BIGINT NOT NULL,
    fee               BIGINT NOT NULL,
    currency          TEXT COLLATE "C" NOT NULL,
    note              TEXT COLLATE "C" NOT NULL,
    rail              TEXT COLLATE "C" NOT NULL,
    rail_reference    TEXT COLLATE "C" NOT NULL,
    sender_name       TEXT COLLATE "C" NOT NULL,
    sender_number     TEXT COLLATE "C" NOT NULL,
    receiver_name     TEXT COLLATE "C" NOT NULL,
    receiver_number   TEXT COLLATE "C" NOT NULL,
    receiver_kind     TEXT COLLATE "C" NOT NULL,
    balance_after     BIGINT NOT NULL,
    by_right          TEXT COLLATE "C" NOT NULL,
    actor             TEXT COLLATE "C" NOT NULL,
    echo              TEXT COLLATE "C" NOT NULL,
    at                BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
-- The minute comes first in echo: new ones go to the end of the index and not all over it.
CREATE INDEX wallet_transfer_echo ON wallet_transfer (echo, owner) WHERE echo <> '';
CREATE UNIQUE INDEX wallet_transfer_rail ON wallet_transfer (rail_reference, rail, owner) WHERE rail <> '';
