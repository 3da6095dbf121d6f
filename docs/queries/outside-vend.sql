-- Who used a vended role other than a vend would, or with a token whose life was over.
-- Every row is an incident until it is explained.
--
-- Parameters, in order:
--   1     the stack's name, such as 'ecr-vend': what the names of its vended roles begin with
--   2, 3  the first and the last day to look at, such as '2026/11/23' (UTC)
--   4, 5  the days of the vends to compare with: the day before the first, and the last. Days that
--         are missing in `vends` make all their calls rows here
-- Reads: `cloudtrail`, all accounts and regions, and `vends`, in those days.
--
-- The reconciler looks for the first kind by itself, of the stack's own registry, within the hour;
-- this also covers the registries of other accounts, and what was done with a token.
--
-- Columns:
--   why       what does not add up
--   called_at, action, error, source, region, account
--   role      the vended role
--   session   the name of its session
--   caller    who called: of AssumeRole, whoever wanted the role
--   event_id  leads to the event
WITH calls AS (
    SELECT
        eventtime,
        eventsource,
        eventname,
        errorcode,
        sourceipaddress,
        awsregion,
        recipientaccountid,
        eventid,
        coalesce(useridentity.arn, useridentity.principalid) AS caller,
        split_part(useridentity.arn, '/', 2) AS caller_name,
        eventname IN ('AssumeRole', 'GetAuthorizationToken') AS minting,
        CASE
            WHEN eventsource LIKE 'sts.%' AND eventname = 'AssumeRole'
                THEN json_extract_scalar(requestparameters, '$.roleArn')
        END AS wanted,
        json_extract_scalar(requestparameters, '$.roleSessionName') AS wanted_session,
        useridentity.sessioncontext.sessionissuer.arn AS acting,
        split_part(useridentity.arn, '/', 3) AS acting_session,
        ':role/' || ? || '(|[.][A-Za-z0-9.-]+)-(pull|push|pull-through)$' AS vended
    FROM cloudtrail
    WHERE day BETWEEN ? AND ?
),
of_vended_roles AS (
    SELECT
        calls.*,
        CASE WHEN regexp_like(wanted, vended) THEN wanted ELSE acting END AS role,
        CASE WHEN regexp_like(wanted, vended) THEN wanted_session ELSE acting_session END AS session
    FROM calls
    WHERE regexp_like(wanted, vended) OR regexp_like(acting, vended)
),
known AS (
    SELECT DISTINCT
        vend_id,
        role,
        coalesce(outcome, 'unfinished') AS outcome,
        expires_at
    FROM vends
    WHERE day BETWEEN ? AND ?
),
judged AS (
    SELECT
        CASE
            WHEN known.vend_id IS NULL THEN 'no vend has this id'
            WHEN known.outcome = 'refused' THEN 'the vend was refused'
            WHEN known.role <> of_vended_roles.role THEN 'the vend had another role'
            -- The account of another registry's role is told no ARN; the caller's own account is.
            WHEN wanted IS NOT NULL AND caller_name NOT LIKE '%-VendFunctionRole%'
                THEN 'not the vending function asked for it'
            WHEN minting THEN NULL
            WHEN eventsource NOT LIKE 'ecr.%' THEN 'a token is of use to ECR alone'
            WHEN known.outcome <> 'issued' THEN 'the vend let no token out'
            WHEN errorcode IS NULL
                AND from_iso8601_timestamp(eventtime) > from_iso8601_timestamp(known.expires_at)
                THEN 'it worked after its end'
        END AS why,
        eventtime AS called_at,
        eventname AS action,
        errorcode AS error,
        sourceipaddress AS source,
        awsregion AS region,
        recipientaccountid AS account,
        of_vended_roles.role,
        session,
        caller,
        eventid AS event_id
    FROM of_vended_roles
    LEFT JOIN known ON known.vend_id = of_vended_roles.session
)
SELECT *
FROM judged
WHERE why IS NOT NULL
ORDER BY called_at, event_id;
