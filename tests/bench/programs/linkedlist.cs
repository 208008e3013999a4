// Allocation and pointer chasing: a linked list built, reversed, sorted and cut.
sealed class Link
{
    public int Value;
    public Link Next;
}

static class LinkedLists
{
    static Link Build(int count)
    {
        Dice dice = new Dice(41);
        Link first = null;
        for (int i = 0; i < count; i++) first = new Link { Value = dice.Below(100000), Next = first };
        return first;
    }

    static Link Reverse(Link list)
    {
        Link reversed = null;
        while (list != null)
        {
            Link next = list.Next;
            list.Next = reversed;
            reversed = list;
            list = next;
        }
        return reversed;
    }

    static Link Merge(Link a, Link b)
    {
        Link head = new Link(), last = head;
        while (a != null && b != null)
        {
            if (a.Value <= b.Value) { last.Next = a; a = a.Next; }
            else { last.Next = b; b = b.Next; }
            last = last.Next;
        }
        last.Next = a ?? b;
        return head.Next;
    }

    static Link Sort(Link list)
    {
        if (list == null || list.Next == null) return list;
        Link slow = list, fast = list.Next;
        while (fast != null && fast.Next != null)
        {
            slow = slow.Next;
            fast = fast.Next.Next;
        }
        Link half = slow.Next;
        slow.Next = null;
        return Merge(Sort(list), Sort(half));
    }

    static long Work()
    {
        Link list = Build(60000);
        for (int i = 0; i < 9; i++) list = Reverse(list);
        long sum = 0;
        for (Link link = Sort(list); link != null; link = link.Next) sum = sum * 5 + link.Value;
        return sum;
    }

    static int Main() { return Bench.Run("linkedlist", Work); }
}
