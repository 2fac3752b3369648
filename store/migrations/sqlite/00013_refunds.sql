-- +goose Up

-- What of an invoice's paid money has been given back.
ALTER TABLE invoice ADD COLUMN refunded BIGINT NOT NULL DEFAULT 0;

-- Refunds: each is a payout with the same id, which has the money and what became of it; here is what it is a refund of. wallet is whose it goes
-- back to and receipt the number of that one's receipt, both '' where it leaves the house.
CREATE TABLE refund (
    owner   TEXT NOT NULL,
    id      TEXT NOT NULL,
    invoice TEXT NOT NULL,
    payment TEXT NOT NULL,
    taken   TEXT NOT NULL,
    amount  BIGINT NOT NULL,
    wallet  TEXT NOT NULL,
    receipt TEXT NOT NULL,
    PRIMARY KEY (owner, id),
    FOREIGN KEY (owner, id) REFERENCES payout (owner, id),
    FOREIGN KEY (owner, payment) REFERENCES payment (owner, id)
);
CREATE INDEX refund_invoice ON refund (invoice, owner, id);
