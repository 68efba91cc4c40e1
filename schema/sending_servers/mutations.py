"""Changing sending servers."""

import strawberry

from identity import sending_servers
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.sending_servers import Settings
from models.sending_server import SendingServer as SendingServerRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, auth
from schema.fields import embedded, own_id
from schema.ids import row_id
from schema.sending_servers.types import SendingServer


@strawberry.input(description="A sending server to add. Its credentials are set separately.")
class CreateSendingServerInput:
    workspace_id: strawberry.ID = strawberry.field(description="Where it will live.")
    name: str = strawberry.field(description="What it is called.")
    host: str = strawberry.field(description="Its host name.")
    port: int = strawberry.field(default=587, description="Its port.")


@strawberry.input(
    description="A change of a server. What is left out stays; a new host drops the credentials."
)
class UpdateSendingServerInput:
    sending_server_id: strawberry.ID = strawberry.field(description="The server.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str | None = strawberry.field(default=None, description="What it is called.")
    host: str | None = strawberry.field(default=None, description="Its host name.")
    port: int | None = strawberry.field(default=None, description="Its port.")


@strawberry.input(description="New credentials of a server. They are stored encrypted.")
class SetSendingServerCredentialsInput:
    sending_server_id: strawberry.ID = strawberry.field(description="The server.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    username: str = strawberry.field(description="The name to sign in to it with.")
    password: str = strawberry.field(description="The password; it is never given out again.")


@strawberry.input(description="A sending server to delete.")
class DeleteSendingServerInput:
    sending_server_id: strawberry.ID = strawberry.field(description="The server.")


@strawberry.type(description="The server as it is now.")
class SendingServerPayload:
    row: strawberry.Private[SendingServerRow]

    sending_server: SendingServer = embedded("The server.", requires=PUBLIC)


@strawberry.type(description="What was deleted.")
class DeleteSendingServerPayload:
    row: strawberry.Private[SendingServerRow]

    deleted_sending_server_id: strawberry.ID = own_id(
        "The id that the server had.", requires=PUBLIC, type_name="SendingServer"
    )


@strawberry.type
class SendingServerMutation:
    @auth(
        "Add a sending server.",
        requires=[Permission.SERVERS_WRITE],
        at="input.workspaceId",
        audits=Action.SENDING_SERVER_CREATE,
    )
    async def create_sending_server(
        self, info: ContextInfo, input: CreateSendingServerInput
    ) -> SendingServerPayload | None:
        row = await sending_servers.create(
            info.context.subject,
            row_id(input.workspace_id, "Workspace", field="input.workspaceId"),
            Settings(input.name, input.host, input.port),
        )
        return SendingServerPayload(row=row)

    @auth(
        "Change where a sending server listens.",
        requires=[Permission.SERVERS_WRITE],
        at="input.sendingServerId",
        audits=Action.SENDING_SERVER_UPDATE,
    )
    async def update_sending_server(
        self, info: ContextInfo, input: UpdateSendingServerInput
    ) -> SendingServerPayload | None:
        server_id = row_id(input.sending_server_id, "SendingServer", field="input.sendingServerId")
        row = await sending_servers.update(
            info.context.subject,
            server_id,
            Settings(input.name, input.host, input.port),
            expected_version=input.expected_version,
            seen=info.context.taken(SendingServerRow, server_id),
        )
        return SendingServerPayload(row=row)

    @auth(
        "Replace the credentials of a sending server.",
        requires=[Permission.SERVERS_CREDENTIALS],
        at="input.sendingServerId",
        audits=Action.SENDING_SERVER_CREDENTIALS,
    )
    async def set_sending_server_credentials(
        self, info: ContextInfo, input: SetSendingServerCredentialsInput
    ) -> SendingServerPayload | None:
        server_id = row_id(input.sending_server_id, "SendingServer", field="input.sendingServerId")
        row = await sending_servers.set_credentials(
            info.context.subject,
            server_id,
            username=input.username,
            password=input.password,
            expected_version=input.expected_version,
            seen=info.context.taken(SendingServerRow, server_id),
        )
        return SendingServerPayload(row=row)

    @auth(
        "Delete a sending server that no campaign needs any more.",
        requires=[Permission.SERVERS_DELETE],
        at="input.sendingServerId",
        audits=Action.SENDING_SERVER_DELETE,
    )
    async def delete_sending_server(
        self, info: ContextInfo, input: DeleteSendingServerInput
    ) -> DeleteSendingServerPayload | None:
        server_id = row_id(input.sending_server_id, "SendingServer", field="input.sendingServerId")
        row = await sending_servers.delete(info.context.subject, server_id)
        return DeleteSendingServerPayload(row=row)
