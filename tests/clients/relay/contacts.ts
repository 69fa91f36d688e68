// Components of an imaginary inbox, as a frontend on Relay writes them: only what the compiler reads is here.

import { graphql } from 'relay-runtime';

// The page, with the arguments of the list handed down.
graphql`
  query contactsPageQuery($text: String, $count: Int = 20) {
    viewer {
      role
    }
    ...contactsList @arguments(text: $text, count: $count)
  }
`;

// usePaginationFragment at the root, both ways of paging in one list.
graphql`
  fragment contactsList on Query
  @argumentDefinitions(text: { type: "String" }, count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "contactsListPaginationQuery") {
    contacts(filter: { text: $text }, first: $count, after: $cursor) @connection(key: "contactsList_contacts") {
      totalCount
      edges {
        node {
          id
          ...contactsRow
        }
      }
    }
  }
`;

graphql`
  fragment contactsNewestFirst on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "contactsNewestFirstPaginationQuery") {
    contacts(last: $count, before: $cursor) @connection(key: "contactsNewestFirst_contacts") {
      edges {
        node {
          ...contactsRow
        }
      }
    }
  }
`;

graphql`
  fragment contactsRow on Contact {
    name
    email
    account {
      name
    }
    taggings {
      ...contactsTag
    }
  }
`;

// A list of fragments, as a component that shows many takes it.
graphql`
  fragment contactsTag on Tagging @relay(plural: true) {
    tag {
      id
      name
    }
  }
`;

// useRefetchableFragment: found again by `node`.
graphql`
  fragment contactsCard on Contact @refetchable(queryName: "contactsCardRefetchQuery") {
    name
    healthScore
    owner @required(action: NONE) {
      name
    }
    ... @alias(as: "latest") {
      lastMessage {
        body
      }
    }
  }
`;

// usePaginationFragment below a node, without waiting for what is slow.
graphql`
  fragment contactsConversations on Contact
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "contactsConversationsPaginationQuery") {
    conversations(first: $count, after: $cursor, orderBy: ACTIVITY_DESC)
      @connection(key: "contactsConversations_conversations", filters: ["orderBy"]) {
      edges {
        node {
          subject
          status
        }
      }
    }
  }
`;

graphql`
  query contactsNodeQuery($id: ID!, $ids: [ID!]!) {
    node(id: $id) {
      __typename
      ...contactsCard @alias
      ...contactsConversations @alias
    }
    nodes(ids: $ids) {
      ...contactsRow @alias(as: "contact")
      ... on Conversation {
        subject
      }
    }
  }
`;

// Forwards only, and of several types.
graphql`
  fragment contactsSearch on Query
  @argumentDefinitions(query: { type: "String!" }, count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "contactsSearchPaginationQuery") {
    search(query: $query, first: $count, after: $cursor) @connection(key: "contactsSearch_search") {
      edges {
        node {
          __typename
        }
      }
    }
  }
`;

// A new row comes into the lists that are named; mistakes come as data.
graphql`
  mutation contactsCreateMutation($input: CreateContactInput!, $connections: [ID!]!) {
    createContact(input: $input) {
      contact @appendNode(connections: $connections, edgeTypeName: "ContactEdge") {
        id
        ...contactsRow
      }
      userErrors {
        path
        code
        message
      }
    }
  }
`;

// What the screen shows before the answer is there has the same shape.
graphql`
  mutation contactsUpdateMutation($input: UpdateContactInput!) @raw_response_type {
    updateContact(input: $input) {
      contact {
        id
        name
      }
      userErrors {
        message
      }
    }
  }
`;

graphql`
  subscription contactsChangesSubscription($after: String) {
    changes(after: $after, kinds: ["contact.created"]) {
      cursor
      contact {
        id
        ...contactsRow
      }
    }
  }
`;
