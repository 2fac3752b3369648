-- +goose Up

-- People and programs of a merchant who sign in at a front door with a name and a password. The token that they are given is kept
-- encrypted, because it is given again, and beside it its hash.
CREATE TABLE login (
    owner      TEXT COLLATE "C"   NOT NULL,
    id         TEXT COLLATE "C"   NOT NULL,
    door       TEXT COLLATE "C"   NOT NULL,
    username   TEXT COLLATE "C"   NOT NULL,
    first_name TEXT COLLATE "C"   NOT NULL,
    last_name  TEXT COLLATE "C"   NOT NULL,
    role       TEXT COLLATE "C"   NOT NULL,
    password   TEXT COLLATE "C"   NOT NULL,
    token      TEXT COLLATE "C"   NOT NULL,
    token_hash TEXT COLLATE "C"   NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (owner, id)
);

-- The latest failures of a name at a front door. Not owner-first on purpose: names that nobody has are counted too, and a name is kept
-- as a keyed hash only.
CREATE TABLE sign_in_failure (
    door  TEXT COLLATE "C"   NOT NULL,
    name  TEXT COLLATE "C"   NOT NULL,
    tries TEXT COLLATE "C"   NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (door, name)
);
CREATE INDEX sign_in_failure_until ON sign_in_failure (until);

-- How banks reach a rail that they call. The house's own.
CREATE TABLE channel (
    owner         TEXT COLLATE "C"   NOT NULL,
    id            TEXT COLLATE "C"   NOT NULL,
    name          TEXT COLLATE "C"   NOT NULL,
    sandbox       BIGINT NOT NULL,
    username      TEXT COLLATE "C"   NOT NULL,
    password_hash TEXT COLLATE "C"   NOT NULL,
    networks      TEXT COLLATE "C"   NOT NULL,
    prefixes      TEXT COLLATE "C"   NOT NULL,
    profile       TEXT COLLATE "C"   NOT NULL,
    disabled      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
