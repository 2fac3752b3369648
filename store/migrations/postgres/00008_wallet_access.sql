-- +goose Up

-- The latest one-time code that was sent to a number for a purpose. Not owner-first on purpose: nobody has the number yet. A number is kept as a
-- keyed hash here, and so is the code. used_by is the wallet that was made with it, '' while it is not used.
CREATE TABLE wallet_code (
    name     TEXT COLLATE "C" NOT NULL,
    purpose  TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    hash     TEXT COLLATE "C" NOT NULL,
    tries    BIGINT           NOT NULL,
    last_try TEXT COLLATE "C" NOT NULL,
    made_at  BIGINT           NOT NULL,
    used_by  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (name, purpose)
);
CREATE INDEX wallet_code_made ON wallet_code (made_at);

-- How often codes were asked for of late, by number and by address, both as keyed hashes.
CREATE TABLE wallet_asked (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tries TEXT COLLATE "C" NOT NULL,
    until BIGINT           NOT NULL
);
CREATE INDEX wallet_asked_until ON wallet_asked (until);

-- Wrong PINs for numbers that nobody has, as they are counted for those that somebody has.
CREATE TABLE wallet_stranger (
    name         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    failures     BIGINT           NOT NULL,
    locked_until BIGINT           NOT NULL,
    at           BIGINT           NOT NULL
);
CREATE INDEX wallet_stranger_at ON wallet_stranger (at);

-- Who is signed in: the hash of each token, and where from.
CREATE TABLE wallet_token (
    owner      TEXT COLLATE "C" NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL,
    door       TEXT COLLATE "C" NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    used_at    BIGINT           NOT NULL,
    PRIMARY KEY (owner, hash)
);
CREATE INDEX wallet_token_used ON wallet_token (used_at);
