-- +goose Up

-- Bills: demands that are paid by a PSID. What a page or a link lacks is NULL, 0 or ''.
ALTER TABLE invoice ADD COLUMN kind        TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE invoice ADD COLUMN psid        TEXT COLLATE "C";
ALTER TABLE invoice ADD COLUMN payer       TEXT COLLATE "C";
ALTER TABLE invoice ADD COLUMN late_amount BIGINT NOT NULL DEFAULT 0;
ALTER TABLE invoice ADD COLUMN late_from   BIGINT;
ALTER TABLE invoice ADD COLUMN qr          TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE invoice ADD COLUMN upload      TEXT COLLATE "C";
ALTER TABLE invoice ADD COLUMN line        BIGINT NOT NULL DEFAULT 0;

-- Of the bills of one PSID, one at most can be paid.
CREATE UNIQUE INDEX invoice_open_psid ON invoice (psid, owner) WHERE status = 'open' AND psid IS NOT NULL;
CREATE INDEX invoice_psid ON invoice (psid, owner) WHERE psid IS NOT NULL;
CREATE INDEX invoice_upload ON invoice (upload, line) WHERE upload IS NOT NULL;
-- A merchant's bills as they are listed: the last changed first. No statement about one row can use it.
CREATE INDEX invoice_bills ON invoice (owner, door, updated_at, id) WHERE kind <> '';

-- Whom a merchant bills, by its own identifier, and the PSID that this payer has for ever. Its row is locked by whoever makes or pays a
-- bill of the PSID; invoice is the newest of them.
CREATE TABLE payer (
    owner      TEXT COLLATE "C"   NOT NULL,
    psid       TEXT COLLATE "C"   NOT NULL,
    reusable   BIGINT NOT NULL,
    reference  TEXT COLLATE "C"   NOT NULL,
    invoice    TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (owner, psid)
);
CREATE UNIQUE INDEX payer_reference ON payer (reference, reusable, owner);

-- How many bills a merchant has, for the totals that front doors print.
CREATE TABLE bill_total (
    owner TEXT COLLATE "C"   NOT NULL,
    door  TEXT COLLATE "C"   NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (owner, door)
);

-- The number of a receipt that a payer is shown.
ALTER TABLE payment ADD COLUMN number TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX payment_number ON payment (number) WHERE number <> '';
