-- What vend X pulled and pushed.
--
-- Parameters, in order:
--   1  the vend's id, such as 'v-01jd8w0123456789abcdefghjk'
--   2  the ARN of its role, as `ecr-vend audit show` says it
--   3  the first day to look at, that on which it was asked for, such as '2026/11/23' (UTC)
--   4  the last day, the next one: a log file lies under the day on which it was written
-- Reads: the table `cloudtrail`, all its accounts and regions in those days.
--
-- A session's name proves nothing by itself, since whoever may assume some other role may give it
-- that name. The role does: only the vending function can assume it. So both are asked for.
--
-- Columns:
--   called_at   when, to the second (UTC)
--   what        `pull`: the manifest of an image was asked for. `pull layer`: a URL of a layer was
--               given out. `push layer`: a part of an upload. `push`: an image was put.
--               `import`: pull-through fetched it. `look`: anything else. `refused`: nothing was had, `error` says why
--   action      ECR's own name of the call
--   repository  by the request, or by the error where CloudTrail left the request out
--   tag, digest of the image, or of the layer. A pull by tag does not say which digest that was
--   source      the address. For what a registry client does it is often `AWS Internal`
--   error, message of a refusal, or null
--   region, account   where it was logged
--   call        one call that two accounts logged is two rows with one `call`
SELECT
    eventtime AS called_at,
    CASE
        WHEN errorcode IS NOT NULL THEN 'refused'
        WHEN eventname = 'BatchGetImage' THEN 'pull'
        WHEN eventname = 'GetDownloadUrlForLayer' THEN 'pull layer'
        WHEN eventname = 'PutImage' THEN 'push'
        WHEN eventname IN ('BatchImportUpstreamImage', 'CreateRepository') THEN 'import'
        WHEN eventname IN ('InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload') THEN 'push layer'
        ELSE 'look'
    END AS what,
    eventname AS action,
    coalesce(
        json_extract_scalar(requestparameters, '$.repositoryName'),
        regexp_extract(errormessage, ':repository/([a-z0-9._/-]*[a-z0-9])', 1)
    ) AS repository,
    coalesce(
        json_extract_scalar(requestparameters, '$.imageIds[0].imageTag'),
        json_extract_scalar(requestparameters, '$.imageTag')
    ) AS tag,
    coalesce(
        json_extract_scalar(requestparameters, '$.imageIds[0].imageDigest'),
        json_extract_scalar(responseelements, '$.image.imageId.imageDigest'),
        json_extract_scalar(requestparameters, '$.layerDigest'),
        json_extract_scalar(requestparameters, '$.layerDigests[0]')
    ) AS digest,
    sourceipaddress AS source,
    errorcode AS error,
    errormessage AS message,
    awsregion AS region,
    recipientaccountid AS account,
    coalesce(sharedeventid, eventid) AS call
FROM cloudtrail
WHERE split_part(useridentity.arn, '/', 3) = ?
    AND useridentity.sessioncontext.sessionissuer.arn = ?
    AND day BETWEEN ? AND ?
    AND eventname <> 'GetAuthorizationToken'
ORDER BY eventtime, eventid;
