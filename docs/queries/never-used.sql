-- Which tokens were vended and never used while they worked.
--
-- Parameters, in order:
--   1, 2  the days of CloudTrail: the first, such as '2026/11/23' (UTC), and the day after the last
--   3, 4  the first and the last day on which they were asked for
-- Ask of days that are over: of a token that still works, and of one whose events are still on
-- their way, nothing can be said.
-- Reads: `vends` and `cloudtrail`, all accounts and regions in those days.
--
-- What CloudTrail cannot show: a client that found the image or its layers on its own disk, and a
-- layer's bytes, which come from S3 by a URL. A pull that is answered from a client's cache still
-- asks for the manifest, unless it is by digest. A use that was refused is a use.
--
-- Columns:
--   vend_id, asked_at, expires_at, caller, grants, registry
--   logged      whether CloudTrail told of its minting. `false`: this table does not cover that
--               registry, or its trail leaves calls out that only read. Then nothing is known
--   afterwards  how often it was tried when it no longer worked
WITH calls AS (
    SELECT
        split_part(useridentity.arn, '/', 3) AS vend_id,
        useridentity.sessioncontext.sessionissuer.arn AS role,
        eventname,
        from_iso8601_timestamp(eventtime) AS called_at
    FROM cloudtrail
    WHERE day BETWEEN ? AND ?
        AND eventsource LIKE 'ecr.%'
),
issued AS (
    SELECT DISTINCT
        vend_id,
        role,
        asked_at,
        expires_at,
        caller.arn AS caller,
        array_join(grants, ', ') AS grants,
        registry.host AS registry
    FROM vends
    WHERE day BETWEEN ? AND ?
        AND outcome = 'issued'
        AND NOT coalesce(probe, false)
)
SELECT
    issued.vend_id,
    issued.asked_at,
    issued.expires_at,
    issued.caller,
    issued.grants,
    issued.registry,
    count(*) FILTER (WHERE calls.eventname = 'GetAuthorizationToken') > 0 AS logged,
    count(*) FILTER (
        WHERE calls.eventname <> 'GetAuthorizationToken'
            AND calls.called_at > from_iso8601_timestamp(issued.expires_at)
    ) AS afterwards
FROM issued
LEFT JOIN calls ON calls.vend_id = issued.vend_id AND calls.role = issued.role
GROUP BY
    issued.vend_id,
    issued.asked_at,
    issued.expires_at,
    issued.caller,
    issued.grants,
    issued.registry
HAVING count(*) FILTER (
    WHERE calls.eventname <> 'GetAuthorizationToken'
        AND calls.called_at <= from_iso8601_timestamp(issued.expires_at)
) = 0
ORDER BY issued.vend_id;
