-- What PostGraphile needs: a role under row-level security, the permissions as sets that a policy
-- computes once a statement, and the fields and the mutation that its own schema does not have.
-- READER is the role; `app.member` and `app.organization` are set by the server in each transaction.

CREATE SCHEMA gate;
CREATE TABLE gate.builtin (role text, permission text, PRIMARY KEY (role, permission));

CREATE FUNCTION gate.member() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('app.member', true), '')::uuid $$;
CREATE FUNCTION gate.organization() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('app.organization', true), '')::uuid $$;

-- The scopes of one type at which the caller holds a permission.
CREATE FUNCTION gate.held_at(kind text, wanted text) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT coalesce(array_agg(a.scope_id), '{}') FROM public.assignments a JOIN public.roles r ON r.id = a.role_id
  WHERE a.organization_id = gate.organization() AND a.scope_type = kind
    AND a.principal_id = ANY (ARRAY(
      SELECT gate.member() UNION ALL SELECT group_id FROM public.group_members WHERE member_id = gate.member()))
    AND (a.expires_at IS NULL OR a.expires_at > now())
    AND CASE WHEN r.builtin IS NULL THEN r.permissions ? wanted
             ELSE EXISTS (SELECT FROM gate.builtin b WHERE b.role = r.builtin AND b.permission = wanted) END
$$;

CREATE FUNCTION gate.everywhere(wanted text) RETURNS boolean LANGUAGE sql STABLE AS
  $$ SELECT cardinality(gate.held_at('organization', wanted)) > 0 $$;

-- The workspaces in which the caller has any assignment.
CREATE FUNCTION gate.entered() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT coalesce(array_agg(DISTINCT w.id), '{}') FROM public.workspaces w JOIN public.assignments a
    ON a.workspace_id = w.id OR (a.scope_type = 'organization' AND a.scope_id = w.organization_id)
  WHERE w.organization_id = gate.organization() AND a.principal_id = gate.member()
    AND (a.expires_at IS NULL OR a.expires_at > now())
$$;

GRANT USAGE ON SCHEMA public, gate TO READER;
GRANT SELECT ON members, organizations, workspaces, campaigns, mailing_lists, assignments TO READER;

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON organizations TO READER USING (id = (SELECT gate.organization()));
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON members TO READER USING (organization_id = (SELECT gate.organization()));
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY entered ON workspaces TO READER USING (id = ANY ((SELECT gate.entered())::uuid[]));
ALTER TABLE assignments ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON assignments TO READER
  USING (organization_id = (SELECT gate.organization()) AND (SELECT gate.everywhere('members:read')));
ALTER TABLE mailing_lists ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON mailing_lists TO READER
  USING (workspace_id = ANY ((SELECT gate.held_at('workspace', 'lists:read'))::uuid[]));
ALTER TABLE campaigns ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON campaigns TO READER
  USING (workspace_id = ANY ((SELECT gate.held_at('workspace', 'campaigns:read'))::uuid[])
    OR id = ANY ((SELECT gate.held_at('campaign', 'campaigns:read'))::uuid[]));

CREATE FUNCTION viewer() RETURNS members LANGUAGE sql STABLE AS
  $$ SELECT * FROM public.members WHERE id = gate.member() $$;
CREATE FUNCTION own_organization() RETURNS organizations LANGUAGE sql STABLE AS
  $$ SELECT * FROM public.organizations WHERE id = gate.organization() $$;

CREATE FUNCTION rename_campaign(campaign_id uuid, expected_version integer, new_name text) RETURNS campaigns
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE found public.campaigns; before text; who public.members;
BEGIN
  PERFORM FROM public.organizations WHERE id = gate.organization() FOR SHARE;
  SELECT c.* INTO found FROM public.campaigns c JOIN public.workspaces w ON w.id = c.workspace_id
    WHERE c.id = campaign_id AND w.organization_id = gate.organization() FOR UPDATE OF c;
  IF found.id IS NULL THEN RAISE EXCEPTION 'There is no such campaign.'; END IF;
  IF NOT (found.workspace_id = ANY (gate.held_at('workspace', 'campaigns:draft'))
      OR found.id = ANY (gate.held_at('campaign', 'campaigns:draft')) OR gate.everywhere('campaigns:draft')) THEN
    RAISE EXCEPTION 'You lack campaigns:draft here.'; END IF;
  IF found.version <> expected_version OR found.status <> 'draft' THEN
    RAISE EXCEPTION 'It was changed meanwhile.'; END IF;
  before := found.name;
  UPDATE public.campaigns SET name = trim(new_name), version = version + 1, updated_at = now()
    WHERE id = campaign_id RETURNING * INTO found;
  SELECT * INTO who FROM public.members WHERE id = gate.member();
  INSERT INTO public.audit_events (id, created_at, organization_id, workspace_id, actor_type, actor_id, actor_name,
      via, via_id, action, target_type, target_id, target_name, outcome, diff)
    VALUES (gen_random_uuid(), now(), who.organization_id, found.workspace_id, 'member', who.id, who.name,
      'session', current_setting('app.session')::uuid, 'campaign.update', 'campaign', found.id, found.name, 'success',
      jsonb_build_array(jsonb_build_object('path', 'name', 'before', before, 'after', found.name)));
  RETURN found;
END $$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gate TO READER;

COMMENT ON TABLE assignments IS E'@foreignKey (principal_id) references members (id)|@fieldName holder|@foreignFieldName assignments';
