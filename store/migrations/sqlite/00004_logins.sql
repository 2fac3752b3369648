-- +goose Up

-- People and programs of a merchant who sign in at a front door with a name and a password. The token that they are given is kept
-- encrypted, because it is given again, and beside it its hash.
CREATE TABLE login (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    door       TEXT   NOT NULL,
    username   TEXT   NOT NULL,
    first_name TEXT   NOT NULL,
    last_name  TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    password   TEXT   NOT NULL,
    token      TEXT   NOT NULL,
    token_hash TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (owner, id)
);

-- The latest failures of a name at a front door. Not owner-first on purpose: names that nobody has are counted too, and a name is kept
-- as a keyed hash only.
CREATE TABLE sign_in_failure (
    door  TEXT   NOT NULL,
    name  TEXT   NOT NULL,
    tries TEXT   NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (door, name)
) WITHOUT ROWID;
CREATE INDEX sign_in_failure_until ON sign_in_failure (until);

-- How banks reach a rail that they call. The house's own.
CREATE TABLE channel (
    owner         TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    sandbox       BIGINT NOT NULL,
    username      TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    networks      TEXT   NOT NULL,
    prefixes      TEXT   NOT NULL,
    profile       TEXT   NOT NULL,
    disabled      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID;
