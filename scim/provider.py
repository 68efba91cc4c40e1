"""What the service says of itself: resource types, capabilities, and how values are compared."""

from typing import Any

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Pagination,
    Patch,
    Reference,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_models.path import AttributeBinding

from identity import text
from scim.resources import EnterpriseUser, Group, User

MAX_RESULTS = 200
DEFAULT_PAGE = 100


def comparison_key(binding: AttributeBinding, value: str) -> str:
    """The form in which a value of the attribute is compared: as it is where the attribute is
    caseExact (RFC 7643 section 2.2), otherwise as all names of this product are.
    """
    return value if binding.case_exact else text.key(value)


POLICY = ScimPolicy(
    comparison_key=comparison_key,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""Unknown attributes are refused. What Entra ID sends beyond RFC 7644 is understood: members to
remove as a value, and `emails[type eq "work"].value` where no such entry is yet."""

CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MAX_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    pagination=Pagination(
        cursor=False,
        index=True,
        default_pagination_method=Pagination.DefaultPaginationMethod.index,
        default_page_size=DEFAULT_PAGE,
        max_page_size=MAX_RESULTS,
    ),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="OAuth Bearer Token",
            description="The organization's SCIM token, in the Authorization header.",
            spec_uri=Reference("https://www.rfc-editor.org/info/rfc6750"),
            primary=True,
        )
    ],
)

USER_MODEL: type[User[Any]] = User[EnterpriseUser]
GROUP_MODEL = Group

PROVIDER = ScimProvider(
    models=[User, EnterpriseUser, Group],
    resource_types=[
        ResourceType.from_resource(USER_MODEL),
        ResourceType.from_resource(GROUP_MODEL),
    ],
    config=CONFIG,
    policy=POLICY,
)

USER = "User"
GROUP = "Group"
