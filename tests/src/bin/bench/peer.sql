-- What PostGraphile needs to answer the two queries in one request each: computed columns, and the list by tag,
-- on the tables and indexes as they are.
CREATE SCHEMA peer;

CREATE FUNCTION peer.contact_health_score(c public.contact) RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT h.score FROM public.contact_health h
    WHERE h.workspace_id = c.workspace_id AND h.contact_id = c.id
$$;
CREATE FUNCTION peer.contact_health_band(c public.contact) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT h.band FROM public.contact_health h
    WHERE h.workspace_id = c.workspace_id AND h.contact_id = c.id
$$;
CREATE FUNCTION peer.contact_taggings(c public.contact) RETURNS SETOF public.tagging LANGUAGE sql STABLE AS $$
    SELECT g.* FROM public.tagging g
    WHERE g.workspace_id = c.workspace_id AND g.target_id = c.id AND g.removed_at IS NULL
$$;
CREATE FUNCTION peer.contact_last_message(c public.contact) RETURNS public.message LANGUAGE sql STABLE AS $$
    SELECT m.* FROM public.contact_activity a
    JOIN public.message m ON m.workspace_id = a.workspace_id AND m.id = a.last_message_id
    WHERE a.workspace_id = c.workspace_id AND a.contact_id = c.id
$$;
CREATE FUNCTION peer.tagged(workspace uuid, tag uuid) RETURNS SETOF public.contact LANGUAGE sql STABLE AS $$
    SELECT c.* FROM public.tag_rank r
    JOIN public.contact c ON c.workspace_id = r.workspace_id AND c.id = r.target_id
    WHERE r.workspace_id = tagged.workspace AND r.tag_id = tagged.tag
    ORDER BY r.score DESC, r.target_id DESC
$$;

-- Functions in a schema of their own are taken for queries unless they say what they are.
COMMENT ON FUNCTION peer.contact_health_score(public.contact) IS '@behavior typeField -queryField';
COMMENT ON FUNCTION peer.contact_health_band(public.contact) IS '@behavior typeField -queryField';
COMMENT ON FUNCTION peer.contact_taggings(public.contact)
    IS '@behavior typeField typeField:resource:list -queryField';
COMMENT ON FUNCTION peer.contact_last_message(public.contact) IS '@behavior typeField -queryField';
