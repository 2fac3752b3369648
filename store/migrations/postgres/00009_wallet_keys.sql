-- +goose Up

-- The transfer's id first: ids grow, so that new ones go to the end of the index and not all over it.
ALTER TABLE wallet_transfer DROP CONSTRAINT wallet_transfer_pkey, ADD PRIMARY KEY (id, owner);
