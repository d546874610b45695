<?php
// Does a backend's work with the client that openapi-generator generates from the view jsonapi.json.
//
// usage: generated_client.php FOLDER URL FAILING_URL
//
// FOLDER contains the generated package. Prints its results, as jsonapi_client.mjs does.

declare(strict_types=1);

use OpenAPI\Client\Api\MemoriesApi;
use OpenAPI\Client\ApiException;
use OpenAPI\Client\Configuration;
use OpenAPI\Client\Model\ChangeMeta;
use OpenAPI\Client\Model\MemoryAttributes;
use OpenAPI\Client\Model\MemoryChange;
use OpenAPI\Client\Model\MemoryChangeAttributes;
use OpenAPI\Client\Model\MemoryChangeDocument;
use OpenAPI\Client\Model\MemoryCreate;
use OpenAPI\Client\Model\MemoryCreateDocument;

[, $folder, $url, $failing] = $argv;

// Debian's package of Guzzle has a loader of its own, so nothing needs Composer.
require_once 'GuzzleHttp/autoload.php';
spl_autoload_register(function (string $class) use ($folder): void {
    $prefix = 'OpenAPI\\Client\\';
    if (str_starts_with($class, $prefix)) {
        require_once "$folder/lib/" . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
    }
});

const REPOSITORY = '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d';
const MEMORY = ['content' => 'Rob prefers mornings. „☃“', 'timestamp' => '2026-01-27T03:14:22Z'];
const LATER = ['content' => 'Rob drinks tea.', 'timestamp' => '2026-01-28T03:14:22Z'];

function api(string $url): MemoriesApi
{
    return new MemoriesApi(null, (new Configuration())->setHost($url));
}

function send(string $url, array $memory): object
{
    $attributes = new MemoryAttributes([
        ...['repository_id' => REPOSITORY, 'memory_type' => 'habit', 'tags' => ['a', 'b']],
        ...$memory,
        'timestamp' => new DateTime($memory['timestamp']),
    ]);
    $create = new MemoryCreate(['type' => 'memories', 'attributes' => $attributes]);
    return api($url)->storeMemory(new MemoryCreateDocument(['data' => $create]))->getData();
}

function failure(string $url, array $memory): string
{
    try {
        send($url, $memory);
    } catch (ApiException $error) {
        $errors = json_decode((string) $error->getResponseBody())->errors;
        return implode(' ', array_map(fn ($fault) => "$fault->code $fault->detail", $errors));
    }
    throw new Exception('nothing was refused');
}

// What a call came to: a status, or the HTTP status of a refusal; and the tag of the state that was seen.
function told(callable $call): array
{
    try {
        [$document, , $headers] = $call();
    } catch (ApiException $error) {
        return [(string) $error->getCode(), array_change_key_case($error->getResponseHeaders())['etag'][0] ?? null];
    }
    return [$document->getMeta()->getStatus(), array_change_key_case($headers)['etag'][0]];
}

// Takes a memory through its life.
function life(MemoriesApi $api, string $id): array
{
    $patch = function (string $status, ?string $tag = null) use ($api, $id): array {
        $attributes = new MemoryChangeAttributes(['status' => $status]);
        $document = new MemoryChangeDocument([
            'data' => new MemoryChange(['type' => 'memories', 'id' => $id, 'attributes' => $attributes]),
            'meta' => new ChangeMeta(['reason' => 'Checked.']),
        ]);
        return told(fn () => $api->changeMemoryWithHttpInfo($id, $document, REPOSITORY, if_match: $tag));
    };
    $remove = fn () => told(fn () => $api->deleteMemoryWithHttpInfo($id, REPOSITORY));
    [$verified, $locked] = [$patch('verified'), $patch('locked')];
    $refused = [$remove(), $patch('verified'), $patch('verified', '"0-1j"')];
    $unlocked = $patch('verified', $locked[1]);
    [$deleted, $gone] = [$remove(), told(fn () => $api->getMemoryWithHttpInfo($id, REPOSITORY))];
    $restored = $patch('unverified', $gone[1]);
    return array_column([$verified, $locked, ...$refused, $unlocked, $deleted, $gone, $restored], 0);
}

$api = api($url);
$first = send($url, MEMORY);
$id = $first->getId();
$again = send($url, MEMORY);
send($url, LATER);
$found = $api->searchMemories('mornings', REPOSITORY);
$newest = $api->listMemories(REPOSITORY, page_limit: 1);
// `links.next` is a reference: its query has the cursor.
parse_str(ltrim($newest->getLinks()->getNext(), '?'), $next);
$oldest = $api->listMemories(REPOSITORY, page_limit: 1, page_after: $next['page']['after']);
$pages = [...$newest->getData(), ...$oldest->getData()];
echo json_encode([
    'id' => $id,
    's3_key' => $first->getMeta()->getS3Key(),
    'repeated' => $again->getId(),
    'refused' => failure($url, [...MEMORY, 'memory_type' => str_repeat('é', 76), 'timestamp' => '1969-12-31T00:00:00Z']),
    'failed' => failure($failing, MEMORY),
    'found' => array_map(fn ($hit) => $hit->getId(), $found->getData()),
    'listed' => array_map(fn ($memory) => $memory->getAttributes()->getContent(), $pages),
    'got' => $api->getMemory($id, REPOSITORY)->getData()->getAttributes()->getContent(),
    'changed' => life($api, $id),
]), "\n";
