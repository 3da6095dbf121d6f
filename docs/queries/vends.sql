-- The table `vends`: ecr-vend's own records of a day, one JSON object a line, in the shape of
-- docs/vend.schema.json. Run it once; it reads and costs nothing.
--
-- Put in place of the words in angle brackets:
--   <bucket>  a bucket for it, with a prefix if you like: who reads it reads who asked for what
--   <since>   the first day that is there, such as 2026/01/01
--
-- A day is put there by an auditor, under the day of `asked_at`, in one object:
--   ecr-vend audit list --json --limit 0 --oldest-first \
--     --from 2026-11-23T00:00:00Z --to 2026-11-24T00:00:00Z | jq -c '.[]' | gzip > vends.json.gz
--   aws s3 cp vends.json.gz s3://<bucket>/vends/2026/11/23/vends.json.gz
--
-- Left out are `asked.grant` and `caller.partition`, whose names are reserved words of this
-- statement. `source_ip`, `user_agent`, `reason` and `caller.session` are the callers' words or
-- addresses of people: escape them, and give the table to auditors only.
CREATE EXTERNAL TABLE vends (
    vend_id STRING,
    schema_version INT,
    outcome STRING,
    asked_at STRING,
    ended_at STRING,
    caller STRUCT<
        kind: STRING,
        account: STRING,
        principal_id: STRING,
        name: STRING,
        path: STRING,
        session: STRING,
        arn: STRING>,
    caller_key STRING,
    erased BOOLEAN,
    source_ip STRING,
    vpc STRING,
    vpc_endpoint STRING,
    user_agent STRING,
    request_id STRING,
    asked STRUCT<
        repositories: MAP<STRING,ARRAY<STRING>>,
        access: STRING,
        ttl_seconds: INT>,
    reason STRING,
    registry STRUCT<
        name: STRING,
        host: STRING>,
    role STRING,
    source_identity STRING,
    session_policy STRING,
    session_policy_size INT,
    scope MAP<STRING,ARRAY<STRING>>,
    excluded ARRAY<STRING>,
    grants ARRAY<STRING>,
    denies ARRAY<STRING>,
    dropped ARRAY<STRUCT<
        repository: STRING,
        access: STRING,
        rule: STRING>>,
    monitored ARRAY<STRUCT<
        rule: STRING,
        effect: STRING,
        repositories: ARRAY<STRING>,
        count: INT>>,
    bound_to_source BOOLEAN,
    break_glass BOOLEAN,
    expires_at STRING,
    policy_revision STRING,
    policy_label STRING,
    policy_age_seconds INT,
    code STRING,
    failure STRING,
    seconds MAP<STRING,STRING>,
    token_mac STRING,
    hmac_key_id STRING,
    probe BOOLEAN,
    deployment STRING,
    service_version STRING,
    other_fields MAP<STRING,STRING>
)
PARTITIONED BY (day STRING)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://<bucket>/vends/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.day.type' = 'date',
    'projection.day.format' = 'yyyy/MM/dd',
    'projection.day.interval' = '1',
    'projection.day.interval.unit' = 'DAYS',
    'projection.day.range' = '<since>,NOW',
    'storage.location.template' = 's3://<bucket>/vends/${day}'
);
