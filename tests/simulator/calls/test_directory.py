"""The default configuration of the simulated PBX."""

from __future__ import annotations

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY, Extension

ENTRIES = [
    *((entry.id, entry.number) for entry in DIRECTORY.queues),
    *((entry.id, entry.number) for entry in DIRECTORY.extensions),
    *((entry.id, entry.number) for entry in DIRECTORY.ext_groups),
    *((entry.id, entry.number) for entry in DIRECTORY.trunks),
    *((entry.id, entry.number) for entry in DIRECTORY.ivrs),
    *((entry.id, entry.number) for entry in DIRECTORY.ring_groups),
    *((entry.id, entry.number) for entry in DIRECTORY.ai_receptionists),
]


def test_the_support_queue_and_the_first_extension_have_their_known_numbers() -> None:
    assert {queue.name: queue.number for queue in DIRECTORY.queues}["Support"] == "6401"
    assert DIRECTORY.extensions[0].number == "1000"


def test_no_internal_id_is_also_a_dialled_number_or_another_entrys_id() -> None:
    ids = [id_ for id_, _ in ENTRIES]
    assert len(set(ids)) == len(ids)
    assert not {str(id_) for id_ in ids} & {number for _, number in ENTRIES}


def test_members_agents_and_menu_keys_point_at_entries_that_exist() -> None:
    extensions = {extension.id for extension in DIRECTORY.extensions}
    targets = {
        "queue": {queue.id for queue in DIRECTORY.queues},
        "ring_group": {group.id for group in DIRECTORY.ring_groups},
        "extension": extensions,
    }
    assert {agent.id for queue in DIRECTORY.queues for agent in queue.agents} <= extensions
    assert {id_ for group in DIRECTORY.ext_groups for id_ in group.extension_ids} <= extensions
    assert {id_ for group in DIRECTORY.ring_groups for id_ in group.extension_ids} <= extensions
    assert all(key.target_id in targets[key.target] for ivr in DIRECTORY.ivrs for key in ivr.keys)


def test_a_name_splits_at_its_first_space() -> None:
    extension = Extension(1, "1", "Anna Maria Berg")
    assert (extension.first_name, extension.last_name) == ("Anna", "Maria Berg")
    assert Extension(1, "1", "Anna").last_name == ""
