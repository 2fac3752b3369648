-- +goose Up

-- What a payer is shown beside the title, and whom the merchant named as payer. An invoice from before has none of it.
ALTER TABLE invoice ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE invoice ADD COLUMN store_name  TEXT NOT NULL DEFAULT '';
ALTER TABLE invoice ADD COLUMN payer_email TEXT NOT NULL DEFAULT '';
