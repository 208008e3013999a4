using System;

class Link { public Link Next; public int Value; public byte[] Payload; }
struct Slot { public string Name; public Link Link; public int Number; }

class GcChurn
{
    static Link kept;
    static Link[] table = new Link[64];
    static object[] mixed = new object[100];

    static Link Build(int n)
    {
        Link head = null;
        for (int i = 0; i < n; i++)
            head = new Link { Next = head, Value = i };
        return head;
    }

    static long Sum(Link list)
    {
        long sum = 0;
        for (; list != null; list = list.Next)
            sum += list.Value + (list.Payload == null ? 0 : list.Payload.Length + list.Payload[list.Payload.Length - 1]);
        return sum;
    }

    static Link Reverse(Link list)
    {
        Link result = null;
        while (list != null)
        {
            Link next = list.Next;
            list.Next = result;
            result = list;
            list = next;
        }
        return result;
    }

    static string Concat(int n)
    {
        string s = "";
        for (int i = 0; i < n; i++)
            s += (char)('a' + i % 26);
        return s;
    }

    static int Young(int rounds)
    {
        int total = 0;
        for (int i = 0; i < rounds; i++)
        {
            var a = new int[10 + i % 50];
            a[a.Length - 1] = i;
            var b = new Link { Value = a[a.Length - 1], Payload = new byte[i % 200 + 1] };
            total += b.Value ^ b.Payload.Length;
        }
        return total;
    }

    static void OldToYoung(int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            int at = i * 7 % table.Length;
            table[at] = new Link { Value = i, Next = i % 3 == 0 ? table[(at + 1) % table.Length] : null };
            if (i % 5 == 0) table[at].Payload = new byte[16];
        }
    }

    static void Cycles()
    {
        for (int i = 0; i < 200; i++)
        {
            var a = new Link { Value = 1 };
            var b = new Link { Value = 2, Next = a };
            a.Next = b;
            if (i == 100) kept = a;
        }
    }

    static int Mixed(int rounds)
    {
        int hash = 1;
        for (int i = 0; i < rounds; i++)
        {
            int at = hash % 100;
            if (at < 0) at = -at;
            switch (i % 6)
            {
                case 0: mixed[at] = i; break;
                case 1: mixed[at] = "s" + i; break;
                case 2: mixed[at] = new int[i % 30]; break;
                case 3: mixed[at] = new Slot { Name = "n" + i, Number = i }; break;
                case 4: mixed[at] = new object[] { mixed[at], i }; break;
                default: mixed[at] = null; break;
            }
            object o = mixed[(at * 31 + 7) % 100];
            if (o is int) hash = hash * 31 + (int)o;
            else if (o is string) hash = hash * 31 + ((string)o).Length;
            else if (o is int[]) hash += ((int[])o).Length;
            else if (o is Slot) hash ^= ((Slot)o).Number;
            else hash++;
        }
        return hash;
    }

    static void Main()
    {
        Link longLived = Build(2000);
        Console.WriteLine(Sum(longLived));
        Console.WriteLine(Young(20000));
        longLived = Reverse(longLived);
        Console.WriteLine(Sum(longLived) + " " + longLived.Value);
        OldToYoung(5000);
        long sum = 0;
        foreach (Link l in table)
            sum += l.Value;
        Console.WriteLine(sum);
        Cycles();
        Console.WriteLine(kept.Value + kept.Next.Value * 10 + kept.Next.Next.Value * 100);
        Console.WriteLine(Mixed(8000));
        Console.WriteLine(Concat(500).Length + " " + Concat(300)[299]);

        var slots = new Slot[40];
        for (int i = 0; i < 2000; i++)
        {
            slots[i % 40].Name = "slot" + i;
            slots[i % 40].Link = new Link { Value = i, Next = slots[(i + 1) % 40].Link == null ? null : new Link() };
            slots[(i + 13) % 40] = slots[i % 40];
        }
        int names = 0;
        foreach (Slot s in slots)
            names += s.Name.Length * s.Link.Value;
        Console.WriteLine(names);

        var big = new long[5][];
        for (int i = 0; i < 25; i++)
        {
            big[i % 5] = new long[10000];
            big[i % 5][9999] = i;
        }
        Console.WriteLine(big[0][9999] + big[1][9999] + big[2][9999] + big[3][9999] + big[4][9999]);
        GC.Collect();
        Console.WriteLine(Sum(longLived));
        var jagged = new string[20][];
        for (int i = 0; i < jagged.Length; i++)
        {
            jagged[i] = new string[i + 1];
            for (int j = 0; j <= i; j++)
                jagged[i][j] = i + ":" + j;
        }
        GC.Collect();
        string all = "";
        foreach (string[] row in jagged)
            all += row[row.Length / 2] + " ";
        Console.WriteLine(all);
    }
}
